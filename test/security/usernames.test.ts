import assert from 'node:assert/strict'
import { foldUsername } from '../../src/text/names.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, Visitor } from '../support/visitor.js'

describe('usernames', () => {
  let site: Site
  let anyone: Program
  before(async () => {
    site = await openSite()
    anyone = new Program(site)
  })
  after(() => site.close())

  const signUp = (username: string) => anyone.call('POST', '/auth/users/create/', { username, password: PASSWORD })
  const signIn = (username: string) => anyone.call('POST', '/auth/token/create/', { username, password: PASSWORD })
  const count = async () => (await site.db.selectFrom('users').select('id').execute()).length

  it('are folded once and for all: folding a folded name gives it back, for every character of Unicode', () => {
    for (let point = 0; point <= 0x10ffff; point++) {
      if (point < 0xd800 || point > 0xdfff) {
        const folded = foldUsername(String.fromCodePoint(point))
        if (foldUsername(folded) !== folded) {
          assert.fail(`U+${point.toString(16)}`)
        }
      }
    }
  })

  it('are folded the same in whatever normal form and case they come, for every letter and number of Unicode', () => {
    for (let point = 0; point <= 0x10ffff; point++) {
      if (/[\p{L}\p{N}]/u.test(String.fromCodePoint(point))) {
        const name = `a${String.fromCodePoint(point)}b`
        const folded = foldUsername(name)
        if (
          foldUsername(name.normalize('NFD')) !== folded ||
          foldUsername(name.normalize('NFKD')) !== folded ||
          foldUsername(name.toUpperCase()) !== folded
        ) {
          assert.fail(`U+${point.toString(16)}`)
        }
      }
    }
  })

  const lookalikes: Record<string, string[]> = {
    strasse: [
      'STRASSE',
      'Straße',
      'STRAẞE',
      'ｓｔｒａｓｓｅ',
      'ﬆrasse',
      'ſtraſſe',
      '𝓼𝓽𝓻𝓪𝓼𝓼𝓮',
      'ⓢⓣⓡⓐⓢⓢⓔ',
      'ˢtrasse',
      '𝐒trasse',
    ],
    kelvin: ['Kelvin', '\u212aelvin', 'kelⅵn', 'ᵏelvin'],
    'ann.2': ['ANN.2', 'ann.²', 'ann.２', 'ａｎｎ．２', 'ann․2', 'ann.𝟚'],
    σίσυφος: ['ΣΊΣΥΦΟΣ', 'σίσυφοσ', 'Σίσυφος', 'σι\u0301συφος'],
    zoë: ['ZOË', 'zoe\u0308', 'ZOE\u0308', 'zo\u00eb'],
    ilya: ['ILYA', 'ılya', 'Ilya'],
    ﬁona: ['fiona', 'FIONA', 'Fiona'],
    anna: [' anna', 'anna ', 'anna\u3000', '\tanna\n'],
  }
  for (const [name, others] of Object.entries(lookalikes)) {
    it(`like ${name} are one account, however they are written`, async () => {
      assert.equal((await signUp(name)).status, 201)
      const before = await count()
      for (const other of others) {
        const refused = await signUp(other)
        assert.equal(refused.status, 400, other)
        assert.deepEqual(refused.json.errors, { username: ['A user with that username already exists.'] }, other)
      }
      assert.equal(await count(), before)
    })

    it(`like ${name} sign in as they signed up, however they are written`, async () => {
      const wrong: string[] = []
      for (const written of [name, ...others]) {
        if ((await signIn(written)).status !== 200) {
          wrong.push(JSON.stringify(written))
        }
      }
      assert.deepEqual(wrong, [])
    })
  }

  it('are refused where they mix alphabets that look alike', async () => {
    for (const name of [
      'аnn2',
      'аdmin',
      'οwner',
      'рaypal',
      'раypal',
      'Αnna',
      'ѕystem',
      'aⲟ',
      'aօ',
      'Ꮪam',
      'аα',
      'x.е',
    ]) {
      const refused = await signUp(name)
      assert.equal(refused.status, 400, name)
      assert.equal(refused.json.errors.username.length, 1)
    }
  })

  it('may be of any one alphabet, with digits', async () => {
    for (const name of [
      'Анна',
      'Ελένη',
      'אנה',
      'آنا',
      'अन',
      '安娜',
      'アンナ',
      '안나',
      'Անի',
      'ანი',
      'Åse_99',
      'Дима.7',
    ]) {
      assert.equal((await signUp(name)).status, 201, name)
      assert.equal((await signIn(name)).status, 200, name)
    }
  })

  it('are refused where they hold what nobody can see or tell apart, or what is no name', async () => {
    for (const name of [
      'an\u200bn',
      'an\u200dn',
      'an\u00adn',
      'an\ufeffn',
      'an\u2060n',
      'an\u202en',
      'an\u2066n',
      'an\u034fn',
      'an\u180en',
      'an\ufe0fn',
      'an\u{e0061}n',
      'an\u115fn',
      'an\u3164n',
      'an\u0007n',
      'an n',
      'an\u00a0n',
      'an\nn',
      'an/n',
      'an<n',
      'an&n',
      'an"n',
      'an#n',
      'an%n',
      'an,n',
      'an😀n',
      'an\u0300\u0301\u0302\u0303n',
      '\u0301ann',
      'an℅n',
      'an½n',
      'an؟n',
    ]) {
      const refused = await signUp(name)
      assert.equal(refused.status, 400, JSON.stringify(name))
    }
  })

  it('are shown as their owner wrote them, each in a direction of its own', async () => {
    const visitor = await new Visitor(site).signUp('AnneMarie')
    const uri = await visitor.startChat()
    assert.match((await visitor.get('/')).text, /<bdi>AnneMarie<\/bdi>/)
    const hebrew = await new Visitor(site).signUp('אבג')
    assert.match((await hebrew.get(`/chats/${uri}`)).text, /<bdi>אבג<\/bdi>/)
  })

  it('are the author’s own in every message: a field of the body changes nothing', async () => {
    const visitor = await new Visitor(site).signUp('honest')
    const uri = await visitor.startChat()
    const body = JSON.stringify({ message: 'x', user: 'strasse', username: 'strasse', author: 'strasse', author_id: 1 })
    const headers = { 'content-type': 'application/json', 'x-csrf-token': visitor.csrf }
    const posted = await visitor.send('POST', `/api/chats/${uri}/messages/`, body, headers)
    assert.equal(posted.json.user.username, 'honest')
    const { messages } = (await visitor.send('GET', `/api/chats/${uri}/messages/`)).json
    assert.equal(messages[0].user.username, 'honest')
  })
})
