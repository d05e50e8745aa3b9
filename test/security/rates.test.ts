import assert from 'node:assert/strict'
import { LIMITS, type Rate } from '../../src/config.js'
import type { User } from '../../src/db/users.js'
import { addressOf } from '../../src/http/address.js'
import type { Context, Parts } from '../../src/http/context.js'
import { rateLimiter } from '../../src/http/rate-limits.js'
import { limitLists } from '../../src/routes/scope.js'
import { assertProblem } from '../input/answers.js'
import { withClockStopped } from '../support/clock.js'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('how fast one can', () => {
  let site: Site
  /** The same without limits: all that come to make accounts and chats come from one address. */
  let free: Site
  let count = 0
  before(async () => {
    free = await openSite()
    site = await openSite({ LIMITS: 'on' }, free)
    await signUpProgram(free, 'taken')
  })
  after(async () => {
    await site.close()
    await free.close()
  })

  /** Each changes nothing that another try of it needs. */
  const DEEDS: [name: string, rate: Rate, method: string, path: string, body?: unknown][] = [
    ['rename oneself', LIMITS.renames, 'PATCH', '/api/account/', { name: 'taken' }],
    ['search', LIMITS.searches, 'GET', '/api/search/?q=word'],
    ['search in a chat', LIMITS.searches, 'GET', '/api/chats/:uri/search/?q=word'],
    ['read', LIMITS.reads, 'PUT', '/api/chats/:uri/read/', { version: 1 }],
    ['type', LIMITS.typing, 'POST', '/api/chats/:uri/typing/', {}],
    ['change the settings', LIMITS.changes, 'PATCH', '/api/chats/:uri/settings/', { read_only: false }],
    ['replace the link', LIMITS.changes, 'PUT', '/api/chats/:uri/link/', {}],
    ['hand the chat over', LIMITS.changes, 'PUT', '/api/chats/:uri/owner/', { user_id: 999 }],
    ['remove somebody', LIMITS.changes, 'DELETE', '/api/chats/:uri/members/999/'],
    ['edit a message', LIMITS.changes, 'PATCH', '/api/chats/:uri/messages/2/', { message: 'mine' }],
    ['delete a message', LIMITS.changes, 'DELETE', '/api/chats/:uri/messages/999/'],
    ['react', LIMITS.changes, 'PUT', `/api/chats/:uri/messages/2/reactions/${encodeURIComponent('👍')}/`],
  ]

  for (const [name, rate, method, path, body] of DEEDS) {
    it(`${name} is limited for each user`, async () => {
      const [ann, bob] = [await newMember(), await newMember()]
      const act = ({ program, uri }: Member) => program.call(method, path.replace(':uri', uri), body)
      const refused = await refusal(rate, () => act(ann))
      assertProblem(refused, 429)
      assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
      // Nobody else has to wait for that.
      assert.notEqual((await act(bob)).status, 429)
    })
  }

  it('a list that is refused for the address costs its user nothing', () => {
    const parts = rateLimiter(true, 1) as Parts
    const ctx = { ip: '192.0.2.7', state: { form: 'page' } } as Context
    assert.throws(() => {
      for (let lists = 0; lists < 2 * LIMITS.addressLists.burst; lists++) {
        parts.limitRate('addressLists', addressOf(ctx))
      }
    }, /wait/)
    for (let tries = 0; tries < 5; tries++) {
      assert.throws(() => limitLists(parts, ctx, { id: 1 } as User), /wait/)
    }
    assert.equal(parts.limitRate('lists', 1)?.left, LIMITS.lists.burst - 1)
  })

  it('post as a guest is limited sooner than as somebody with an account', async () => {
    const { uri } = await newMember()
    const guest = new Visitor(site)
    await guest.get(`/chats/${uri}`)
    assert.equal((await guest.post(`/chats/${uri}/guests`, { name: 'Gus' })).status, 303)
    await guest.get(`/chats/${uri}`)
    const headers = { accept: 'application/json' }
    const answers = await withClockStopped(() =>
      Promise.all(
        Array.from({ length: LIMITS.posts.burst }, (_, n) =>
          guest.post(`/chats/${uri}/messages`, { message: `m${n}` }, headers),
        ),
      ),
    )
    const refused = answers.find(({ status }) => status === 429)
    assert.ok(refused)
    assertProblem(refused, 429)
  })

  interface Member {
    program: Program
    uri: string
  }

  /** Somebody with a chat of their own, in which they have said something. */
  async function newMember(): Promise<Member> {
    const program = await signUpProgram(free, `member${++count}`)
    const uri = await program.startChat()
    await program.post(uri, 'mine')
    return { program: new Program(site, program.token), uri }
  }

  /** What is answered to the first of those that come too fast. A slow machine gives some turns back meanwhile. */
  async function refusal({ burst }: Rate, act: () => Promise<Answer>): Promise<Answer> {
    for (let tries = 0; tries < 2 * burst; tries++) {
      // No more searches of one user may wait at once.
      const answers = await Promise.all(Array.from({ length: 1 + LIMITS.searchesAtOnce.waiting }, act))
      const refused = answers.find(({ status }) => status === 429)
      if (refused) {
        return refused
      }
    }
    return assert.fail('It was never refused')
  }
})
