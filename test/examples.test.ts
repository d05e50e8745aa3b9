import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connect } from '../src/db/connection.js'
import { createDatabase, databaseUrl, dropDatabase } from './support/databases.js'
import { BOTS, type Bot, copyExamples, runIn, startBot } from './support/examples.js'
import { freePort } from './support/programs.js'
import { openProxy } from './support/proxy.js'
import { type Running, startServer, temporaryFolder, until } from './support/server.js'
import { Program, type SiteForUsers, signUpProgram } from './support/visitor.js'

/** How often server and bot are killed in the long tests. */
const KILLS = 3

// All of it waits for the types to be made and compiled; a program that uses the API is in test/programs for npm test.
describe('the examples @long', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let address: Awaited<ReturnType<typeof createDatabase>>
  let connection: ReturnType<typeof connect>
  let server: Running
  let site: SiteForUsers & { url: string }
  let count = 0
  const bots: Bot[] = []

  before(async () => {
    folder = await temporaryFolder('chatire-examples-')
    await copyExamples(folder.path)
    address = await createDatabase()
    connection = connect(address, () => {})
    const port = await freePort()
    site = { url: `http://127.0.0.1:${port}`, db: connection.db }
    await start()
    // As README.md there says it.
    const { code, said } = await runIn(folder.path, ['npm', 'run', 'build'], { SITE: site.url })
    assert.equal(code, 0, said)
  })
  afterEach(async () => {
    for (const bot of bots.splice(0)) {
      await bot.kill()
    }
  })
  after(async () => {
    server?.child.kill('SIGKILL')
    await server?.ended
    await connection?.pool.end()
    await dropDatabase(address.database)
    await folder.remove()
  })

  async function start() {
    server = await startServer({ DATABASE_URL: databaseUrl(address), PORT: new URL(site.url).port })
  }

  async function restart() {
    server.child.kill('SIGKILL')
    await server.ended
    await start()
  }

  it('play the story by the generated types', async () => {
    const { code, said } = await runIn(folder.path, [process.execPath, 'built/story.js'], { SITE: site.url })
    assert.equal(code, 0, said)
    assert.deepEqual(said.split('\n'), [
      'Ann starts "Release party".',
      'Bob joins: now they are 2.',
      'Ann posts twice with one key, and it is stored once.',
      'Ann edits it: <p>Tonight at <strong>eight</strong>?</p>',
      'Bob reacts: {"🎉":1}',
      'Bob reads what happened: joined, joined, message, edited, reacted.',
      'Ann deletes it: it is gone.',
    ])
  })

  it('do not compile where they send or read what the document does not have', async () => {
    const story = await readFile(path.join(folder.path, 'story.ts'), 'utf8')
    for (const [right, wrong] of [
      ["body: { message: 'Tonight at seven?' }", "body: { text: 'Tonight at seven?' }"],
      ['edited.html', 'edited.htm'],
      ["'/api/chats/'", "'/api/chat/'"],
    ] as const) {
      assert.ok(story.includes(right), right)
      await writeFile(path.join(folder.path, 'story.ts'), story.replace(right, wrong))
      const { code, said } = await runIn(folder.path, ['npx', 'tsc', '--noEmit'])
      assert.notEqual(code, 0, wrong)
      assert.match(said, /^story\.ts\(\d+,\d+\): error/m)
    }
    await writeFile(path.join(folder.path, 'story.ts'), story)
  })

  it('have a bot in TypeScript of less than 60 lines', async () => {
    assert.ok((await readFile(path.join(folder.path, 'bot.ts'), 'utf8')).trimEnd().split('\n').length < 60)
  })

  for (const [language, { command, needed }] of Object.entries(BOTS)) {
    describe(`the bot in ${language}`, () => {
      before(needed)

      it('answers each question once, through a restart of the server and of itself', async () => {
        const chat = await openChat()
        let bot = await chat.startBot()
        const asked = [await chat.ask()]
        await chat.owner.post(chat.uri, 'ping')
        await chat.other.post(chat.uri, '!ping')
        await chat.answers(asked)
        await restart()
        asked.push(await chat.ask(), await chat.ask())
        await chat.answers(asked)
        await bot.kill()
        // As if it had been killed before it kept what it had answered.
        await writeFile(chat.cursor, '0')
        asked.push(await chat.ask())
        bot = await chat.startBot()
        await chat.answers(asked)
        asked.push(await chat.ask())
        await chat.answers(asked)
        assert.ok(Number(await readFile(chat.cursor, 'utf8')) > 0)
      })

      it('does so while both are killed again and again', async () => {
        const chat = await openChat()
        let bot = await chat.startBot()
        const asked: number[] = []
        let asking = true
        const everAsking = (async () => {
          while (asking) {
            asked.push(await chat.ask())
          }
        })()
        for (let n = 0; n < KILLS; n++) {
          const before = asked.length
          await until(() => asked.length > before + 10)
          await restart()
          await until(() => asked.length > before + 20)
          await bot.kill()
          bot = await chat.startBot()
        }
        asking = false
        await everAsking
        await chat.answers(asked)
      })

      it('comes back no sooner than Retry-After says', async () => {
        const chat = await openChat()
        const proxy = await openProxy(site)
        const times: number[] = []
        const isFirst = () => times.push(performance.now()) === 1
        proxy.refuse(/^\/api\//, isFirst, 'Retry-After: 3\r\n')
        try {
          await chat.startBot(proxy.url)
          const asked = [await chat.ask()]
          await chat.answers(asked)
          const [refused = 0, next = 0] = times
          assert.ok(next - refused > 2900, `${next - refused} ms`)
        } finally {
          await proxy.close()
        }
      })

      it('answers later what it had read when it was killed', async () => {
        const chat = await openChat()
        const proxy = await openProxy(site)
        // Its answers, and not its questions for what is new.
        proxy.refuse(/\/messages\/$/)
        try {
          const bot = await chat.startBot(proxy.url)
          const asked = [await chat.ask()]
          await until(() => proxy.asked.some(path => path.endsWith('/messages/')))
          await bot.kill()
          await chat.startBot()
          await chat.answers(asked)
        } finally {
          await proxy.close()
        }
      })

      it('ends with the sentence of the server when its token is replaced', async () => {
        const chat = await openChat()
        const bot = await chat.startBot()
        // Its removal would end its membership too, and either may be what the bot is told.
        const { status } = await chat.owner.call('PUT', `/api/chats/${chat.uri}/bots/${chat.id}/token/`)
        assert.equal(status, 200)
        assert.equal(await bot.ended, 1)
        // The first while it waits for news, the second when it asks.
        assert.match(bot.said, /Authentication credentials were not provided\.|Invalid token\./)
      })

      /** A chat with the bot in it, and another bot. */
      async function openChat() {
        const number = ++count
        const owner = await signUpProgram(site, `owner${number}`)
        const uri = await owner.startChat()
        const makeBot = async (name: string) =>
          (await owner.call('POST', `/api/chats/${uri}/bots/`, { name: `${name}${number}` })).json
        const { id, auth_token } = await makeBot('ping')
        const other = new Program(site, (await makeBot('other')).auth_token)
        const cursor = path.join(folder.path, `cursor-${number}`)
        let keys = 0
        return {
          ...{ owner, other, uri, id, cursor },
          async startBot(url = site.url) {
            const env = { SITE: url, CHAT: `${url}/chats/${uri}`, TOKEN: auth_token, CURSOR: cursor }
            const bot = startBot(folder.path, command, env)
            bots.push(bot)
            await bot.follows()
            return bot
          },
          /** Asks until the server has taken it, and returns the question's id. */
          async ask(): Promise<number> {
            const key = { 'idempotency-key': `question ${++keys}` }
            let asked: number | undefined
            await until(async () => {
              const answer = await owner.post(uri, '!ping', key).catch(() => undefined)
              asked = answer && answer.status < 300 ? answer.json.id : undefined
              return asked !== undefined
            })
            return asked as number
          },
          /** Waits until the last is answered, and sees whether each was, once and in their order. */
          async answers(questions: number[]) {
            const answered = async (): Promise<number[]> => {
              const { messages } = (await owner.call('GET', `/api/chats/${uri}/messages/?limit=1000`)).json
              return messages.flatMap((said: Said) => (said.user.id === id ? [said.reply_to?.id] : []))
            }
            const last = questions.at(-1) as number
            await until(async () => (await answered()).includes(last))
            assert.deepEqual(await answered(), questions)
          },
        }
      }
    })
  }
})

interface Said {
  user: { id: number }
  reply_to: { id: number } | null
}
