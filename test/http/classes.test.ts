import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** By these the script and the tests find elements; no style goes by them. */
const NAMES_ONLY = ['message__who', 'messages--pending', 'new__words']

describe('the classes', () => {
  const styled = classesInStyle()
  const used = [...classesInViews(), ...classesInScript(), ...classesInMessages()]

  it('that elements have each have a rule', () => {
    assert.ok(used.length > 100)
    const unstyled = used.filter(name => !styled.some(other => matches(name, other)))
    assert.deepEqual([...new Set(unstyled)].sort(), NAMES_ONLY)
  })

  it('that have a rule are each those of an element', () => {
    assert.ok(styled.length > 100)
    assert.deepEqual([...new Set(styled.filter(name => !used.some(other => matches(other, name))))].sort(), [])
  })
})

/** A name that ends in an asterisk is one of which a value is a part. */
function matches(name: string, other: string): boolean {
  return name.endsWith('*') ? other.startsWith(name.slice(0, -1)) : name === other
}

function classesInViews(): string[] {
  return filesUnder('views', '.njk').flatMap(text =>
    [...text.matchAll(/class="((?:\{%.*?%\}|[^"])*)"|\{% block \w+_class %\}(.*?)\{%/g)].flatMap(([, names, block]) =>
      words((names ?? block ?? '').replace(/\{%.*?%\}/g, ' ').replace(/\{\{.*?\}\}/g, '*')),
    ),
  )
}

function classesInScript(): string[] {
  return filesUnder('static/app', '.ts').flatMap(text =>
    [
      ...text.matchAll(/className = '([^']*)'/g),
      ...text.matchAll(/classList\.(?:add|toggle)\('([^']*)'/g),
      // addTo(parent, name, classes); its parent may be another call.
      ...text
        .split('\n')
        .filter(line => line.includes('addTo('))
        .flatMap(line => [...line.matchAll(/, '[a-z0-9]+', '([^']*)'/g)]),
    ].flatMap(([, names = '']) => words(names)),
  )
}

function classesInMessages(): string[] {
  return filesUnder('src/text', '.ts').flatMap(text =>
    [...text.matchAll(/class="([^"$]*)"/g)].flatMap(([, names = '']) => words(names)),
  )
}

function classesInStyle(): string[] {
  return filesUnder('static', '.css').flatMap(text =>
    [...text.replace(/\/\*[\s\S]*?\*\/|"[^"]*"/g, '').matchAll(/\.([a-z][\w-]*)/g)].map(([, name = '']) => name),
  )
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean)
}

function filesUnder(folder: string, extension: string): string[] {
  const path = fileURLToPath(new URL(`../../../${folder}`, import.meta.url))
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(extension))
    .map(name => readFileSync(`${path}/${name}`, 'utf8'))
}
