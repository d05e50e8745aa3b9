import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { accessFaults, bringAxe, layoutFaults } from '../support/page-faults.js'
import { openScenes, type Scene, type Scenes } from '../support/scenes.js'
import { openSite, type Site } from '../support/site.js'

/** The narrowest phone, a tablet, a computer. */
const LOOKS = [
  { width: 1280, height: 800, colorScheme: 'light' },
  { width: 768, height: 900, colorScheme: 'dark' },
  { width: 320, height: 640, colorScheme: 'dark' },
] as const

const { HtmlValidate } = createRequire(import.meta.url)('html-validate') as typeof import('html-validate')

describe('every page in every state', () => {
  let site: Site
  let scenes: Scenes

  before(async () => {
    site = await openSite()
    scenes = await openScenes(site)
  })
  after(async () => {
    await scenes.close()
    await site.close()
  })

  it('stays within its window, covers nothing, and is found without fault by axe, where it is one that people see most', async () => {
    assert.deepEqual(await faultsOf(scenes.scenes.filter(scene => scene.isMain)), [])
  })

  it('stays within its window, covers nothing, and is found without fault by axe @long', async () => {
    assert.deepEqual(await faultsOf(scenes.scenes.filter(scene => !scene.isMain)), [])
  })

  it('is valid HTML, but for the attributes of htmx, where it is one that people see most', () =>
    assertValid(scenes.scenes.filter(scene => scene.isMain)))

  it('is valid HTML, but for the attributes of htmx @long', () =>
    assertValid(scenes.scenes.filter(scene => !scene.isMain)))

  async function assertValid(chosen: readonly Scene[]) {
    const validator = new HtmlValidate({
      extends: ['html-validate:recommended'],
      rules: {
        // As the project writes HTML.
        'doctype-style': 'off',
        'no-implicit-button-type': 'off',
        'no-trailing-whitespace': 'off',
        // ARIA lets a list have a name.
        'aria-label-misuse': 'off',
        // Boxes of one name are one field, and a hidden one stands before them for none that is ticked.
        'form-dup-name': 'off',
        // People give chats their titles.
        'long-title': 'off',
      },
    })
    for (const scene of chosen) {
      const html = await scenes.html(scene)
      const { results } = await validator.validateString(html)
      const messages = results.flatMap(({ messages }) => messages)
      assert.deepEqual(
        messages.map(
          ({ ruleId, message, line }) => `${ruleId}: ${message} (${html.split('\n')[line - 1]?.slice(0, 200)})`,
        ),
        [],
        scene.name,
      )
    }
  }

  async function faultsOf(chosen: readonly Scene[]): Promise<string[]> {
    const found: string[] = []
    for (const [place, scene] of chosen.entries()) {
      const { page, context } = await scenes.show(scene, { viewport: LOOKS[0], reducedMotion: 'reduce' })
      for (const [turn, { width, height, colorScheme }] of LOOKS.entries()) {
        await page.setViewportSize({ width, height })
        await page.emulateMedia({ colorScheme })
        const faults = await layoutFaults(page, colorScheme)
        // What axe does takes longest, so here it looks at each page in one window. npm run screens shows it all.
        if (place % LOOKS.length === turn) {
          await bringAxe(page)
          faults.push(...(await accessFaults(page)))
        }
        found.push(...faults.map(fault => `${scene.name} at ${width} px: ${fault}`))
      }
      await context.close()
    }
    return found
  }
})
