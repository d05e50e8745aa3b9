import assert from 'node:assert/strict'
import { displayNameFault, foldUsername, usernameFault } from '../../src/text/names.js'
import { skeleton } from '../../src/text/skeleton.js'

describe('a username', () => {
  it('may be written in every living script', () => {
    for (const name of [
      ...['नमस्ते', 'বাংলা', 'தமிழ்', 'తెలుగు', 'മലയാളം', 'සිංහල', 'ไทยแลนด์', 'ລາວ', 'ខ្មែរ', 'မြို့', 'བོད', 'አማርኛ', 'ᏣᎳᎩ', 'ދިވެހި'],
      ...[
        'می‌خواهم',
        'क्‍ष',
        'क्‌ष',
        '안나',
        '安娜',
        'アンナ',
        'Анна',
        'Ελένη',
        'אנה',
        'آنا',
        'Nguyễn',
        'Åse_99',
        'bob.2',
        'ann@home',
      ],
    ]) {
      assert.equal(usernameFault(name.normalize('NFKC')), undefined, name)
    }
  })

  it('may not be one that is reserved, in whatever spelling', () => {
    for (const name of [
      'moderator',
      'Admin.',
      'ADMIN',
      'Admln',
      'AdmInistrator',
      'a_d_m_i_n',
      '0wner',
      'deleted-user',
      'ɡuest',
      'systеm',
    ]) {
      assert.notEqual(usernameFault(name), undefined, name)
    }
    for (const name of ['admiral', 'owners', 'guest1', 'sysadmin']) {
      assert.equal(usernameFault(name), undefined, name)
    }
  })

  it('may not hold what nobody can see', () => {
    for (const name of [
      'an\u200cn',
      'an\u200dn',
      'ا\u200cب',
      'ب\u200c',
      '\u200cب',
      'ب\u200dب',
      'an\u200bn',
      'a\ufe0f',
      'ب\u200c\u200cب',
      'क्\u200d\u200dष',
    ]) {
      assert.notEqual(usernameFault(name), undefined, JSON.stringify(name))
    }
  })
})

describe('a name to be shown', () => {
  it('has no more than two accents on a letter, but the vowels of its script', () => {
    assert.equal(displayNameFault('မြို့'), undefined)
    assert.match(displayNameFault('x\u0323\u0332\u0313') ?? '', /two accents/)
    assert.notEqual(displayNameFault(`က${'\u102d'.repeat(6)}`), undefined)
  })
})

describe('names', () => {
  it('are compared without joiners', () => {
    assert.equal(foldUsername('می‌خواهم'), foldUsername('میخواهم'))
    assert.equal(foldUsername('क्‍ष'), foldUsername('क्ष'))
  })

  it('have the same skeleton if they look alike', () => {
    for (const [one, other] of [
      ['engeIgabrieI', 'engelgabriel'],
      ['аnna', 'anna'],
      ['0scar', 'Oscar'],
      ['paypaI', 'paypal'],
      ['jos\u00e9', 'jose\u0301'],
      ['Ꭺlice', 'Alice'],
      ['می‌خواهم', 'میخواهم'],
    ] as const) {
      assert.equal(skeleton(one), skeleton(other), `${one} ${other}`)
    }
  })

  it('have different ones if readers tell them apart', () => {
    for (const [one, other] of [
      ['Arne', 'Ame'],
      ['Bernd', 'Bemd'],
      ['anna', 'hanna'],
      ['josé', 'jose'],
      ['वि', 'वी'],
      ['bob1', 'bob2'],
      ['田中', '中田'],
      ['Öz', 'Oz'],
      ['نور', 'نورا'],
    ] as const) {
      assert.notEqual(skeleton(one), skeleton(other), `${one} ${other}`)
    }
  })
})
