import assert from 'node:assert/strict'
import argon2 from 'argon2'
import { LIMITS } from '../../src/config.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, Visitor } from '../support/visitor.js'

describe('passwords', () => {
  let site: Site
  let anyone: Program
  let count = 0
  before(async () => {
    site = await openSite()
    anyone = new Program(site)
  })
  after(() => site.close())

  const signUp = (username: string, password: string, email = '') =>
    anyone.call('POST', '/auth/users/create/', { username, password, email })
  const signIn = (username: string, password: string) =>
    anyone.call('POST', '/auth/token/create/', { username, password })
  const hashOf = async (username: string) =>
    (
      await site.db
        .selectFrom('users')
        .select('password_hash')
        .where('username', '=', username)
        .executeTakeFirstOrThrow()
    ).password_hash ?? ''

  it('are hashed by argon2id with 19 MiB, two passes and one lane, each with its own salt', async () => {
    await signUp('ann', PASSWORD)
    await signUp('ben', PASSWORD)
    for (const hash of [await hashOf('ann'), await hashOf('ben')]) {
      const [, memory = '0', passes = '0', lanes] = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$/.exec(hash) ?? []
      assert.ok(Number(memory) >= 19_456, hash)
      assert.ok(Number(passes) >= 2, hash)
      assert.equal(lanes, '1')
      assert.ok(!hash.includes(PASSWORD))
    }
    assert.notEqual(await hashOf('ann'), await hashOf('ben'))
  })

  it('get a better hash at login where theirs is outdated', async () => {
    await signUp('cyd', PASSWORD)
    const weak = await argon2.hash(PASSWORD, { type: argon2.argon2id, memoryCost: 1024, timeCost: 2, parallelism: 1 })
    await site.db.updateTable('users').set({ password_hash: weak }).where('username', '=', 'cyd').execute()
    assert.equal((await signIn('cyd', 'not the password')).status, 400)
    assert.equal(await hashOf('cyd'), weak)
    assert.equal((await signIn('cyd', PASSWORD)).status, 200)
    assert.match(await hashOf('cyd'), /m=19456,t=2,p=1/)
    assert.equal((await signIn('cyd', PASSWORD)).status, 200)
  })

  it('are the same however the keyboard writes their letters, in one or in two, wide or narrow', async () => {
    const password = 'Zoë’s ångström ﬁle'
    const written = [password, password.normalize('NFD'), password.normalize('NFKC'), password.normalize('NFKD')]
    for (const [n, chosen] of written.entries()) {
      assert.equal((await signUp(`form${n}`, chosen)).status, 201)
      assert.ok(await argon2.verify(await hashOf(`form${n}`), password.normalize('NFKC')))
      for (const typed of written) {
        assert.equal((await signIn(`form${n}`, typed)).status, 200, JSON.stringify([chosen, typed]))
      }
      assert.equal((await signIn(`form${n}`, password.replace('ë', 'e'))).status, 400)
    }
  })

  it('of before open with what was typed, in whichever form, and get a hash of the normalised one', async () => {
    const password = 'Zoë’s ångström ﬁle'
    await signUp('older', PASSWORD)
    for (const [hashed, typed] of [
      [password, password],
      [password.normalize('NFC'), password.normalize('NFD')],
      [password.normalize('NFD'), password.normalize('NFC')],
      [PASSWORD, PASSWORD],
    ] as const) {
      const old = await argon2.hash(hashed, { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 })
      await site.db
        .updateTable('users')
        .set({ password_hash: old, password_normalised: false })
        .where('username', '=', 'older')
        .execute()
      assert.equal((await signIn('older', `${typed}x`)).status, 400)
      assert.equal(await hashOf('older'), old, 'a wrong password renews nothing')
      assert.equal((await signIn('older', typed)).status, 200, JSON.stringify([hashed, typed]))
      const renewed = await hashOf('older')
      assert.ok(await argon2.verify(renewed, hashed.normalize('NFKC')))
      assert.equal((await signIn('older', typed.normalize('NFKD'))).status, 200)
      assert.equal(await hashOf('older'), renewed, 'once')
    }
  })

  it('are taken as typed: spaces around, any letters, 64 characters and more', async () => {
    for (const password of [
      '  spaces around  ',
      'pässwörd 😀 שלום',
      'long '.repeat(40),
      '\t tab and \u00a0',
      '<script>&"\'',
    ]) {
      const username = `typed${++count}`
      assert.equal((await signUp(username, password)).status, 201, password)
      assert.equal((await signIn(username, password)).status, 200, password)
      assert.equal(
        (await signIn(username, password.trim() === password ? ` ${password}` : password.trim())).status,
        400,
      )
    }
  })

  it('are refused where they are short, common, all digits, or like the username or address', async () => {
    for (const [password, sentence] of [
      ['aB3$xyz', 'This password is too short. It must contain at least 8 characters.'],
      ['😀😀😀😀', 'This password is too short. It must contain at least 8 characters.'],
      ['ﷺ', 'This password is too short. It must contain at least 8 characters.'],
      ['password', 'This password is too common.'],
      ['ｐａｓｓｗｏｒｄ', 'This password is too common.'],
      ['PassWord', 'This password is too common.'],
      ['qwertyuiop', 'This password is too common.'],
      ['iloveyou', 'This password is too common.'],
      ['83625019472', 'This password is entirely numeric.'],
      ['٨٣٦٢٥٠١٩٤٧٢', 'This password is entirely numeric.'],
      ['annabelle', 'The password is too similar to the username.'],
      ['ANNABELLE1', 'The password is too similar to the username.'],
      ['ellebanna', 'The password is too similar to the username.'],
      ['wonderland', 'The password is too similar to the email.'],
    ] as const) {
      const refused = await signUp('annabelle', password, 'alice@wonderland.example')
      assert.equal(refused.status, 400, password)
      assert.ok(refused.json.errors.password.includes(sentence), `${password}: ${refused.text}`)
    }
    assert.equal((await signUp('annabelle', PASSWORD, 'alice@wonderland.example')).status, 201)
  })

  it('are refused by the page’s form with the same sentences', async () => {
    const visitor = new Visitor(site)
    await visitor.get('/signup')
    const refused = await visitor.post('/signup', { username: 'dora', password: 'password' })
    assert.equal(refused.status, 422)
    assert.match(refused.text, /Too easy to guess\./)
    assert.match(refused.text, /value="dora"/)
    assert.doesNotMatch(refused.text, /value="password"/)
  })

  it('may be up to 1,024 bytes, and no more, before anything is hashed', async () => {
    const longest = 'a long passphrase, '.repeat(60).slice(0, 1024)
    assert.equal((await signUp('longest', longest)).status, 201)
    assert.equal((await signIn('longest', longest)).status, 200)
    for (const password of [`${longest}x`, 'é'.repeat(513), '😀'.repeat(257)]) {
      const refused = await signUp(`long${++count}`, password)
      assert.equal(refused.status, 400)
      assert.equal(refused.json.errors.password.length, 1)
      assert.equal((await signIn('longest', password)).status, 400)
    }
  })

  it('make no difference between an unknown name and a wrong password: same answer, same work', async () => {
    await signUp('known', PASSWORD)
    await site.db.updateTable('users').set({ password_normalised: false }).where('username', '=', 'older').execute()
    /** The cost of each hash that was verified. */
    const work: string[] = []
    const { verify } = argon2
    argon2.verify = (hash, ...rest) => {
      work.push(costOf(hash))
      return verify(hash, ...rest)
    }
    const texts: string[] = []
    try {
      for (const password of ['wrong horse battery', 'wröng ﬁsh battery']) {
        for (const username of ['known', 'older', 'unknown']) {
          const refused = await signIn(username, password)
          assert.equal(refused.status, 400)
          texts.push(refused.text)
        }
      }
    } finally {
      argon2.verify = verify
    }
    assert.equal(new Set(texts).size, 1)
    const cost = costOf(await hashOf('known'))
    // One try for each name where the password is of ASCII; three where it has as many forms.
    assert.deepEqual(work, Array(3 * (1 + 3)).fill(cost))

    const visitor = new Visitor(site)
    await visitor.get('/login')
    const pages: string[] = []
    for (const username of ['known', 'unknown']) {
      const refused = await visitor.post('/login', { username, password: 'wrong horse battery' })
      assert.equal(refused.status, 422)
      pages.push(refused.text.replaceAll(`value="${username}"`, 'value=""'))
    }
    assert.equal(pages[0], pages[1])
  })

  it('that many people send at once get 503 with Retry-After beyond what can wait, and the site lives on @long', async () => {
    const visitor = new Visitor(site)
    await visitor.get('/login')
    const answers = await Promise.all(
      Array.from({ length: 4 * LIMITS.waitingHashes }, (_, n) =>
        n % 3 === 0
          ? visitor.post('/login', { username: 'ann', password: 'wrong horse battery' })
          : signIn('ann', 'wrong horse battery'),
      ),
    )
    const refused = answers.filter(answer => answer.status === 503)
    assert.ok(refused.length > 0, 'everyone was let wait')
    assert.ok(answers.length - refused.length >= LIMITS.waitingHashes, 'hardly anyone was let wait')
    for (const answer of answers) {
      assert.ok([400, 422, 503].includes(answer.status), String(answer.status))
    }
    for (const answer of refused) {
      assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
      assert.match(answer.text, /Too many people are signing in/)
    }
    assert.equal((await signIn('ann', PASSWORD)).status, 200)
  })
})

/** Algorithm, version, memory, passes and lanes of an encoded hash: what stands before salt and digest. */
function costOf(hash: string): string {
  return hash.split('$').slice(0, -2).join('$')
}
