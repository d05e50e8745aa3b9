import assert from 'node:assert/strict'
import { openSite, type Site } from './support/site.js'
import { openTerminal, printed, skipWithoutBrowser, type Terminal } from './support/terminal.js'
import { PASSWORD, type Program, signUpProgram, Visitor } from './support/visitor.js'

const TAB = '\t'
const ENTER = '\r'
const DOWN = '\x1b[B'

describe('a chat in a text terminal', () => {
  let site: Site
  let ann: Program
  let uri: string

  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    await signUpProgram(site, 'bob')
  })
  after(() => site.close())

  beforeEach(async () => {
    uri = await ann.startChat()
    await ann.post(uri, 'hello from the API')
  })

  describe('in lynx', () => {
    before(skipWithoutBrowser('lynx'))

    it('is read, written in and refreshed by who signs in there', async () => {
      const terminal = await openTerminal('lynx', ['-nopause', '-accept_all_cookies', '-show_cursor=on', loginUrl()])
      try {
        await terminal.pointsAt('| Skip to the content')
        terminal.type(TAB + TAB + TAB)
        await terminal.pointsAt('Username |')
        terminal.type(`bob${TAB}`)
        await terminal.pointsAt('Password |')
        terminal.type(PASSWORD + TAB)
        await terminal.pointsAt('|(BUTTON) Sign In')
        terminal.type(ENTER)
        await terminal.shows('hello from the API')

        await terminal.pointsAt('| Skip to the composer')
        terminal.type(ENTER)
        await terminal.pointsAt('|____')
        terminal.type('Grüße aus lynx')
        await terminal.pointsAt('Grüße aus lynx|')
        terminal.type(TAB)
        await terminal.pointsAt('|(BUTTON) Send')
        terminal.type(ENTER)
        await terminal.shows(/bob\s+Grüße aus lynx\s+\d\d:\d\d UTC/)
        assert.deepEqual(await messagesBy('bob'), ['Grüße aus lynx'])

        await ann.post(uri, 'hello again')
        terminal.type(`/Refresh${ENTER}`)
        await terminal.pointsAt('| Refresh to see new messages')
        terminal.type(ENTER)
        await terminal.shows('hello again')
      } finally {
        await terminal.close()
      }
    })

    it('is offered to a visitor with who invites them and both forms', async () => {
      assertInvites(await printed('lynx', ['-dump', chatUrl()]))
    })
  })

  describe('in w3m', () => {
    before(skipWithoutBrowser('w3m'))

    it('is read, written in and refreshed by who signs in there', async () => {
      // w3m leaves a textarea to an editor, which it calls with the name of a file.
      const editor = 'echo Grüße aus w3m >'
      const terminal = await openTerminal('w3m', ['-M', '-cookie', '-o', `editor=${editor}`, loginUrl()])
      try {
        await terminal.pointsAt('|Skip to the content')
        terminal.type(TAB + TAB + TAB)
        await terminal.pointsAt('Username [|')
        terminal.type(ENTER)
        await terminal.pointsAt('TEXT:|')
        terminal.type(`bob${ENTER}`)
        await terminal.pointsAt('Username [|bob')
        terminal.type(TAB)
        await terminal.pointsAt('Password [|')
        terminal.type(ENTER)
        await terminal.pointsAt('Password:|')
        terminal.type(PASSWORD + ENTER)
        await terminal.pointsAt('Password [|*')
        terminal.type(TAB)
        await terminal.pointsAt('|Sign In')
        terminal.type(ENTER)
        await terminal.shows('hello from the API')

        await terminal.pointsAt('|Skip to the composer')
        terminal.type(ENTER)
        // w3m goes to the place before the textarea, so that it takes a Tab more than in lynx.
        await terminal.pointsAt('Message |[')
        terminal.type(TAB)
        await terminal.pointsAt('Message [|')
        terminal.type(ENTER)
        await terminal.pointsAt('Message [|Grüße aus w3m')
        terminal.type(TAB)
        await terminal.pointsAt('|Send')
        terminal.type(ENTER)
        await terminal.shows(/bob\s+Grüße aus w3m\s+\d\d:\d\d UTC/)
        assert.deepEqual(await messagesBy('bob'), ['Grüße aus w3m'])

        await ann.post(uri, 'hello again')
        terminal.type(`/Refresh${ENTER}`)
        await terminal.pointsAt('|Refresh to see new messages')
        terminal.type(ENTER)
        await terminal.shows('hello again')
      } finally {
        await terminal.close()
      }
    })

    it('is offered to a visitor with who invites them and both forms', async () => {
      assertInvites(await printed('w3m', ['-dump', chatUrl()]))
    })
  })

  describe('in links2', () => {
    before(skipWithoutBrowser('links2'))

    it('is read in order on each of its pages, and so is the list of chats', async () => {
      const carl = await new Visitor(site).signUp('carl')
      await carl.get(`/chats/${uri}`)
      const cookie = [...carl.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const read = async (path: string) => {
        const page = await printed('links2', ['-dump', '-http.extra-header', `Cookie: ${cookie}`, site.url + path])
        return page.replace(/\s+/g, ' ')
      }
      const chat = `/chats/${uri}`
      assert.match(await read('/'), /Welcome carl!.*Start Chatting.*My chats.*ann: hello from the API 2 members/)
      assert.match(
        await read(chat),
        /Skip to the composer.*Chat started by ann.*Invite Search Details.*ann joined.*ann hello from the API.*carl joined.*Refresh to see new messages.*Message _+ Send.*Details.*2 members.*ann owner.*carl you.*Leave this chat/,
      )
      assert.match(await read(`${chat}/invite`), /Back to the chat: Chat started by ann Invite friends.*_+ QR code/)
      assert.match(await read(`${chat}/search?q=hello`), /Words in this chat _+ Search 1 message 1\. ann .*hello from/)
      assert.match(await read(`${chat}/members`), /2 members Members .*ann owner .*carl you .*Leave/)
      const [path = ''] = /\/chats\/[\w-]+\/messages\/\d+/.exec((await carl.get(chat)).text) ?? []
      assert.match(await read(path), /A message by ann .*hello from the API.* thumbs up .* party .*Reply/)
    })

    it('is read and written in by who signs in there, and by a guest', async () => {
      const signIn = async (terminal: Terminal) => {
        await terminal.pointsAt('|Skip to the content')
        terminal.type(DOWN.repeat(3))
        await terminal.pointsAt('Username |')
        terminal.type(`bob${DOWN}`)
        await terminal.pointsAt('Password |')
        terminal.type(PASSWORD + DOWN)
        await terminal.pointsAt('Si|gn In')
        terminal.type(ENTER)
        // It takes any kind of answer, as a preview does, so the chat asks first.
        await terminal.shows('Join')
        await terminal.pointsAt('|Skip to the content')
        terminal.type(DOWN.repeat(5))
        await terminal.pointsAt('Jo|in')
        terminal.type(ENTER)
      }
      const comeIn = async (terminal: Terminal) => {
        await terminal.pointsAt('|Skip to the content')
        terminal.type(DOWN.repeat(4))
        await terminal.pointsAt('Your name |')
        terminal.type(`Ada${DOWN}`)
        await terminal.pointsAt('St|art Talking')
        terminal.type(ENTER)
      }
      for (const [url, enter, name] of [
        [loginUrl(), signIn, 'bob'],
        [chatUrl(), comeIn, 'Ada'],
      ] as const) {
        // Else it shows what it has kept of the address, such as the invitation after one has come in, until Ctrl+R.
        const terminal = await openTerminal('links2', ['-aggressive-cache', '0', url])
        try {
          // It welcomes who uses it for the first time, and takes no other key before.
          await terminal.shows('Welcome to links!')
          terminal.type(ENTER)
          await enter(terminal)
          await terminal.pointsAt('|Skip to the composer')
          await terminal.shows('hello from the API')
          terminal.type(ENTER)
          await terminal.pointsAt('Message |')
          terminal.type(`Greetings by ${name}${DOWN}`)
          await terminal.pointsAt('Se|nd')
          terminal.type(ENTER)
          await terminal.shows(new RegExp(`${name}.*\\s+Greetings by ${name}\\s+\\d\\d:\\d\\d UTC`))
          assert.deepEqual(await messagesBy(name), [`Greetings by ${name}`])
        } finally {
          await terminal.close()
        }
      }
    })

    it('is offered to a visitor with who invites them and both forms', async () => {
      assertInvites(await printed('links2', ['-dump', chatUrl()]))
    })
  })

  const chatUrl = () => `${site.url}/chats/${uri}`
  const loginUrl = () => `${site.url}/login?next=/chats/${uri}`

  async function messagesBy(username: string): Promise<string[]> {
    const { json } = await ann.call('GET', `/api/chats/${uri}/messages/`)
    const messages: { user: { username: string }; message: string }[] = json.messages
    return messages.filter(({ user }) => user.username === username).map(({ message }) => message)
  }

  function assertInvites(page: string) {
    assert.match(page, /ann invites you to chat/)
    assert.match(page, /Sign Up\s+Username.*Password.*Email address.*Sign Up\s+Sign In\s+Username.*Password.*Sign In/s)
    assert.doesNotMatch(page, /hello from the API/)
  }
})
