import type { BrowserContextOptions } from 'playwright'
import { member } from './browser.js'
import { openSite, type Site } from './site.js'
import { type Program, signUpProgram } from './visitor.js'

/** A site, and a chat there for each test that Bob has started, who is a program. */
interface Story {
  site: Site
  bob: Program
  uri: string
  /** How many readers have come: the last one is called `reader` and this number. */
  count: number
  /** Somebody new in Bob's chat, whose window is closed after the test. */
  reader(options?: BrowserContextOptions): Promise<Awaited<ReturnType<typeof member>> & { name: string }>
}

/** The hooks of a `describe` about readers of Bob's chat, and what they set up. */
export function readersOfBob(): Story {
  const opened: { close(): Promise<unknown> }[] = []
  const story = {
    count: 0,
    async reader(options: BrowserContextOptions = {}) {
      const name = `reader${++story.count}`
      const one = await member(story.site, name, { uri: story.uri, ...options })
      opened.push(one.context)
      return { ...one, name }
    },
  } as Story

  before(async () => {
    story.site = await openSite()
    story.bob = await signUpProgram(story.site, 'bob')
  })
  after(() => story.site.close())
  beforeEach(async () => {
    story.uri = await story.bob.startChat()
  })
  afterEach(async () => {
    for (const one of opened.splice(0)) {
      await one.close()
    }
  })
  return story
}
