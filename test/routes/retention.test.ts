import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { keepAll, keepChat } from '../../src/db/retention.js'
import { assertAlert, assertPage, assertProblem } from '../input/answers.js'
import { stored } from '../input/rows.js'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, openEvents } from '../support/streams.js'
import { Visitor } from '../support/visitor.js'

describe('for how long a chat keeps its messages', () => {
  let site: Site
  let ann: Visitor
  let bob: Visitor
  let uri: string
  let id: number
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    bob = await new Visitor(site).signUp('bob')
  })
  after(() => site.close())
  afterEach(cutStreams)
  beforeEach(async () => {
    await keepAll(site.db, null)
    uri = await ann.startChat()
    await bob.get(`/chats/${uri}`)
    const chat = await site.db.selectFrom('links').select('chat_id').where('uri', '=', uri).executeTakeFirstOrThrow()
    id = chat.chat_id
  })

  it('is said to all members, on the chat’s page, in its details, on the page of its members and by the API', async () => {
    for (const [days, words] of [
      [null, undefined],
      [30, 'Messages are kept for 30 days, then their text is deleted.'],
      [1, 'Messages are kept for 1 day, then their text is deleted.'],
    ] as const) {
      assert.equal((await patch({ kept_days: days })).json.kept_days, days)
      for (const visitor of [ann, bob]) {
        // Twice: the second time it comes from memory.
        for (const path of ['', '', '/members']) {
          const { text } = await visitor.get(`/chats/${uri}${path}`)
          assert.equal(/Messages are kept[^<]*deleted\./.exec(text)?.[0], words, path)
        }
        const { text } = await visitor.htmx('GET', `/chats/${uri}/members`)
        assert.equal(/Messages are kept[^<]*deleted\./.exec(text)?.[0], words)
        assert.equal((await visitor.send('GET', `/api/chats/${uri}/`)).json.kept_days, days)
      }
    }
  })

  it('is said within a minute after the operator has changed it, also where the page is in memory @long', async function () {
    this.timeout(120_000)
    const said = async () => /Messages are kept for \d+/.exec((await bob.get(`/chats/${uri}`)).text)?.[0]
    assert.deepEqual([await said(), await said()], [undefined, undefined])
    await keepAll(site.db, 30)
    const begun = performance.now()
    while ((await said()) === undefined && performance.now() - begun < 90_000) {
      await wait(1000)
    }
    assert.equal(await said(), 'Messages are kept for 30')
  })

  it('is chosen by the owner on the page, which shows it, and all are told of a change, once', async () => {
    const stream = await openEvents(site, `/api/chats/${uri}/live/`, bob)
    assert.match(
      (await ann.get(`/chats/${uri}/settings`)).text,
      /<option value="">until somebody deletes them<\/option>/,
    )
    for (const _ of [1, 2]) {
      const saved = await ann.post(`/chats/${uri}/settings`, { title: '', guests: 'true', kept_days: '7' })
      assert.equal(saved.headers.get('location'), `/chats/${uri}/settings?saved`)
    }
    assert.match((await stream.next()).data ?? '', /"event":"changed"/)
    assert.equal(chosen((await ann.get(`/chats/${uri}/settings`)).text), '7')
    assert.equal((await bob.post(`/chats/${uri}/settings`, { title: '', kept_days: '1' })).status, 403)
    // A form of before has no such field: the number stays.
    await ann.post(`/chats/${uri}/settings`, { title: 'New', guests: 'true' })
    assert.match((await stream.next()).data ?? '', /"event":"renamed"/)
    assert.equal((await ann.send('GET', `/api/chats/${uri}/settings/`)).json.kept_days, 7)
    await ann.post(`/chats/${uri}/settings`, { title: 'New', guests: 'true', kept_days: '' })
    assert.equal((await ann.send('GET', `/api/chats/${uri}/settings/`)).json.kept_days, null)
    // By the API it can be any number, which the page shows too, and leaves.
    await patch({ kept_days: '45' })
    assert.equal(chosen((await ann.get(`/chats/${uri}/settings`)).text), '45')
  })

  it('is never longer than the operator says, for all chats or for this one, and the refusal says so in each form', async () => {
    const kept = async () => {
      const { kept_days, kept_days_at_most } = (await bob.send('GET', `/api/chats/${uri}/`)).json
      return [kept_days, kept_days_at_most]
    }
    await patch({ kept_days: 60 })
    await keepAll(site.db, 90)
    assert.deepEqual(await kept(), [60, 90])
    await keepAll(site.db, 30)
    assert.deepEqual(await kept(), [30, 30])
    // What the owner chose is shown as it holds, so that the page can be saved.
    const page = await ann.get(`/chats/${uri}/settings`)
    assert.equal(chosen(page.text), '30')
    assert.match(page.text, /as long as everywhere here: 30 days/)
    assert.doesNotMatch(page.text, /<option value="90"/)

    const before = await stored(site)
    const sentence = 'Messages are kept for 30 days at most here. Please choose fewer.'
    for (const body of [{ kept_days: 31 }, { kept_days: '36500', title: 'not stored' }]) {
      const json = await patch(body)
      assertProblem(json, 422)
      assert.deepEqual(
        [json.json.errors, json.json.field_codes],
        [{ kept_days: [sentence] }, { kept_days: ['out_of_range'] }],
      )
      assertProblem(await call('PATCH', `/api/chats/${uri}/`, body), 422)
    }
    const typed = { title: 'typed <b>', kept_days: '31' }
    const refused = await ann.post(`/chats/${uri}/settings`, typed)
    assert.equal(refused.status, 422)
    assertPage(refused)
    assert.ok(refused.text.includes(sentence) && refused.text.includes('value="typed &lt;b&gt;"'))
    assert.equal(chosen(refused.text), '31')
    const fragment = await ann.htmx('POST', `/chats/${uri}/settings`, typed)
    assert.equal(fragment.status, 422)
    assertAlert(fragment)
    assert.deepEqual(await stored(site), before)

    assert.equal((await patch({ kept_days: 29 })).json.kept_days, 29)
    assert.deepEqual((await call('PATCH', `/api/chats/${uri}/`, { kept_days: null })).json.kept_days, 30)
    await keepChat(site.db, id, 365)
    assert.deepEqual(await kept(), [365, 365])
    assert.equal((await patch({ kept_days: 300 })).json.kept_days, 300)
    await keepChat(site.db, id, 10)
    assert.deepEqual(await kept(), [10, 10])
    assertProblem(await patch({ kept_days: 11 }), 422)
  })

  it('is a number of days: all else is refused in each form', async () => {
    await patch({ kept_days: 12 })
    const before = await stored(site)
    for (const kept_days of [
      0,
      '0',
      -1,
      '-1',
      1.5,
      '1.5',
      36_501,
      '99999',
      1e300,
      'x',
      ' 7',
      '7 ',
      '1e1',
      true,
      [],
      [7],
      {},
      '٧',
    ]) {
      const refused = await patch({ kept_days })
      assertProblem(refused, 422)
      assert.match(
        refused.json.errors.kept_days[0],
        /^Must be a number of days from 1 to 36500/,
        JSON.stringify(kept_days),
      )
    }
    for (const kept_days of ['0', 'x', '36501', '9'.repeat(400), '"><script>alert(1)</script>']) {
      const refused = await ann.post(`/chats/${uri}/settings`, { title: '', kept_days })
      assert.equal(refused.status, 422)
      assertPage(refused)
      assert.match(refused.text, /<p class="field__error">Must be a number of days from 1 to 36500/)
      assert.ok(!refused.text.includes('<script>alert'))
      const fragment = await ann.htmx('POST', `/chats/${uri}/settings`, { title: '', kept_days })
      assert.equal(fragment.status, 422)
      assertAlert(fragment)
    }
    assert.deepEqual(await stored(site), before)
    assert.equal((await patch({})).json.kept_days, 12)
  })

  function call(method: string, path: string, body: unknown) {
    return ann.send(method, path, JSON.stringify(body), {
      'x-csrf-token': ann.csrf,
      'content-type': 'application/json',
    })
  }

  function patch(body: unknown) {
    return call('PATCH', `/api/chats/${uri}/settings/`, body)
  }
})

/** What the page has chosen of the numbers of days. */
function chosen(html: string): string | undefined {
  const [select = ''] = /<select[^>]* name="kept_days"[\s\S]*?<\/select>/.exec(html) ?? []
  return /<option value="(\d+)" selected>/.exec(select)?.[1]
}
