import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSite } from '../support/site.js'
import { Visitor } from '../support/visitor.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8')

/** How many requirements of level 1 each section of ASVS 5.0 has. */
const SECTIONS: Record<string, number> = {
  '1.2': 5,
  '1.3': 2,
  '1.5': 1,
  '2.1': 1,
  '2.2': 2,
  '2.3': 1,
  '3.2': 2,
  '3.3': 1,
  '3.4': 2,
  '3.5': 3,
  '4.1': 1,
  '4.4': 1,
  '5.2': 2,
  '5.3': 2,
  '6.1': 1,
  '6.2': 8,
  '6.3': 2,
  '6.4': 2,
  '7.2': 4,
  '7.4': 2,
  '8.1': 1,
  '8.2': 2,
  '8.3': 1,
  '9.1': 3,
  '9.2': 1,
  '10.4': 5,
  '11.3': 2,
  '11.4': 1,
  '12.1': 1,
  '12.2': 2,
  '13.4': 1,
  '14.2': 1,
  '14.3': 1,
  '15.1': 1,
  '15.2': 1,
  '15.3': 1,
}

describe('the list of security requirements', () => {
  const rows = [...read('docs/security.md').matchAll(/^\| (\d+\.\d+\.\d+) \| (.+) \| (.*) \| (.*) \|$/gm)].map(
    ([, number = '', , here = '', held = '']) => ({ number, here, held }),
  )

  it('has each of level 1 once', () => {
    const expected = Object.entries(SECTIONS).flatMap(([section, count]) =>
      Array.from({ length: count }, (_, n) => `${section}.${n + 1}`),
    )
    assert.equal(expected.length, 70)
    assert.deepEqual(
      rows.map(({ number }) => number),
      expected,
    )
  })

  it('names tests that exist, unless it says why there is none', () => {
    for (const { number, here, held } of rows) {
      const tests = [...held.matchAll(/`(test\/[\w/.-]+\.test\.ts)`: ([^;|]+)/g)]
      assert.ok(tests.length > 0 || /does not apply|not held by a test/.test(here), number)
      for (const [, file = '', name = ''] of tests) {
        assert.ok(existsSync(path.join(ROOT, file)), `${number}: ${file}`)
        const names = [...read(file).matchAll(/\bit\(\s*['"`](.*)/g)].map(([, name = '']) => name)
        assert.ok(
          names.some(there => there.startsWith(name.trim())),
          `${number}: ${file} has no test “${name.trim()}”`,
        )
      }
    }
  })

  it('names every package with an install script, as package.json allows it', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { hasInstallScript?: true }>
    }
    const scripts = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([name]) => name.replace(/^.*node_modules\//, ''))
    const text = read('docs/security.md')
    assert.deepEqual(scripts.sort(), Object.keys(JSON.parse(read('package.json')).allowScripts).sort())
    for (const name of scripts) {
      assert.ok(text.includes(`\`${name}\``), name)
    }
  })
})

describe('the packages', () => {
  it('are none that its authors have given up', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { deprecated?: string }> }
    assert.deepEqual(
      Object.entries(packages).filter(([, { deprecated }]) => deprecated !== undefined),
      [],
    )
  })
})

describe('fields for passwords', () => {
  it('hide what is typed, and say which password they want', () => {
    let found = 0
    for (const name of readdirSync(path.join(ROOT, 'views'), { recursive: true }).map(String)) {
      const lines = name.endsWith('.njk') ? read(`views/${name}`).split('\n') : []
      for (const call of lines.filter(line => /\bfield\(.*password/.test(line))) {
        assert.match(call, /'password', .*'(current|new)-password'/, `${name}: ${call}`)
        found++
      }
    }
    assert.ok(found >= 5, String(found))
  })
})

describe('what is well known', () => {
  it('says whom to tell of a fault, where SECURITY_CONTACT does', async () => {
    const site = await openSite({
      SECURITY_CONTACT: 'mailto:security@example.org',
      PUBLIC_URL: 'https://chat.example.org',
    })
    try {
      const { status, text, headers } = await new Visitor(site).get('/.well-known/security.txt')
      assert.equal(status, 200)
      assert.match(headers.get('content-type') ?? '', /^text\/plain; charset=utf-8$/)
      assert.match(text, /^Contact: mailto:security@example\.org$/m)
      assert.match(text, /^Canonical: https:\/\/chat\.example\.org\/\.well-known\/security\.txt$/m)
      const expires = Date.parse(/^Expires: (.*)$/m.exec(text)?.[1] ?? '')
      assert.ok(expires > Date.now() && expires < Date.now() + 365 * 86_400_000)
      const changing = await new Visitor(site).get('/.well-known/change-password')
      assert.equal(changing.headers.get('location'), '/account#password')
    } finally {
      await site.close()
    }
  })
})
