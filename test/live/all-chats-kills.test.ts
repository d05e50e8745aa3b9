import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { AllStreamReader, faultOf, knownTo } from '../support/all-readers.js'
import { createDatabase, databaseUrl, dropDatabase, openPool } from '../support/databases.js'
import { freePort } from '../support/programs.js'
import { postSurely } from '../support/readers.js'
import { type Running, startServer, until } from '../support/server.js'
import { signUpProgram } from '../support/visitor.js'

/** Comes back by its last cursor until the server is there again, as a bot does. */
class Bot extends AllStreamReader {
  override readonly calm = true

  protected override async read(url: string, leaving: (cut: () => void) => void) {
    try {
      await super.read(url, leaving)
    } catch (error) {
      if (!['ECONNREFUSED', 'ECONNRESET'].includes((error as { code?: string }).code ?? '')) {
        throw error
      }
      this.cuts++
      await wait(50)
    }
  }
}

describe('a bot that follows many chats by one stream', () => {
  for (const { chats, posts, kills, long } of [
    { chats: 20, posts: 60, kills: 1, long: '' },
    { chats: 300, posts: 1500, kills: 6, long: ' @long' },
  ]) {
    it(`misses nothing and gets nothing twice in ${chats} chats while the program is killed ${kills}×${long}`, async function () {
      this.timeout(600_000)
      const address = await createDatabase()
      const pool = openPool(address)
      const port = await freePort()
      const start = () => startServer({ DATABASE_URL: databaseUrl(address), PORT: String(port) })
      let server = await start()
      const site = { url: server.url }
      try {
        const owner = await signUpProgram(site, 'olga')
        const program = await signUpProgram(site, 'bot')
        const { id } = (await program.call('GET', '/api/account/')).json
        const uris: string[] = []
        for (let n = 0; n < chats; n++) {
          const uri = await owner.startChat()
          await program.join(uri)
          uris.push(uri)
        }
        const { rows } = await pool.query('select l.uri, c.version::int from chats c join links l on l.chat_id = c.id')
        const begun = new Map<string, number>(rows.map(({ uri, version }) => [uri, version]))
        const { cursor } = (await program.call('GET', '/api/events/')).json
        const bot = new Bot([site.url], program, cursor).follow()
        let posted = 0
        const post = async () => {
          while (posted < posts) {
            const n = posted++
            await postSurely([site], uris[n % chats] as string, owner, `post ${n}`)
          }
        }
        const kill = async () => {
          for (let n = 1; n <= kills; n++) {
            await until(() => posted >= (posts * n) / (kills + 1))
            await ended(server)
            server = await start()
          }
        }
        await Promise.all([kill(), ...Array.from({ length: 8 }, post)])
        const faults = async () =>
          (await knownTo(pool, id, begun)).flatMap(known => {
            const fault = faultOf(
              known,
              bot.heard.filter(({ uri }) => uri === known.uri),
            )
            return fault ?? []
          })
        await until(async () => (await faults()).length === 0).catch(async () => assert.deepEqual(await faults(), []))
        await bot.stop()
        assert.deepEqual(await faults(), [])
        assert.equal(bot.heard.filter(({ event }) => event === 'message').length, posts)
        assert.ok(bot.cuts > 0)
      } finally {
        await ended(server)
        await pool.end()
        await dropDatabase(address.database)
      }
    })
  }
})

async function ended({ child, ended }: Running) {
  child.kill('SIGKILL')
  await ended
}
