import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Names of others that no line of code has. */
const OF_OTHERS = [
  'btree_gin',
  'pg_trgm',
  'fastupdate',
  'join_collapse_limit',
  'max_prepared_statements',
  'jQuery',
  'quick_ratio',
  'ipaddr.js',
]

const SCRIPT = /(?:^[ \t]*\/\/ .*\n?)+|[ \t]\/\/ .*$|^[ \t]*\/\*[\s\S]*?\*\//gm
const COMMENTS: Record<string, RegExp> = {
  ts: SCRIPT,
  js: SCRIPT,
  sql: /(?:^|[ \t])-- .*$/gm,
  css: /\/\*[\s\S]*?\*\//g,
  njk: /\{#[\s\S]*?#\}/g,
}

const FILE = /(?<![\w@./-])(?:[\w.-]+\/)*[\w.-]+\.(?:ts|js|sql|css|njk|md)\b/g
const WORD = /[\p{L}_$][\p{L}\d_$]*(?:-[\p{L}\d_$]+)*/gu

/** "`fill` in `slices.ts`" and "live.ts isIdle": the one declares the other. */
const NAME_THEN_FILE = /`(\w+)` (?:in|of) `?([\w./-]+\.(?:ts|js|sql))/g
const FILE_THEN_NAME = /([\w./-]+\.(?:ts|js|sql))`? `?([a-z]+[A-Z]\w*)/g

const files = ['src', 'static', 'views', 'bin', 'test', 'bench', 'docs']
  .flatMap(folder =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(name => `${folder}/${name}`),
  )
  // Not the packages there.
  .concat(readdirSync(path.join(ROOT, 'examples')).map(name => `examples/${name}`))
  .concat(readdirSync(ROOT))
  .filter(name => /\.(ts|js|sql|css|njk|md|json)$/.test(name))
const texts = new Map(files.map(file => [file, readFileSync(path.join(ROOT, file), 'utf8')]))

/** What the files say to their readers: comments and documents. */
const said = [...texts].flatMap(([file, text]) =>
  /^CHANGELOG|migrations\/|dumps\/|comments\.test/.test(file)
    ? []
    : commentsIn(file, text).map(comment => ({ file, comment })),
)

/** All words of the code, without its comments. Headers are written in more than one way. */
const words = new Set(
  [...texts].flatMap(([file, text]) => {
    if (/\.md$|comments\.test\.ts$/.test(file)) return []
    const code = text.replace(COMMENTS[path.extname(file).slice(1)] ?? /$^/, ' ')
    return [...code.matchAll(WORD)].flatMap(([word]) => [word, word.toLowerCase(), ...word.split('-')])
  }),
)

describe('comments and documents', () => {
  it('name nothing that does not exist', () => {
    assert.ok(said.length > 1000)
    const faults = said.flatMap(({ file, comment }) => faultsIn(file, comment).map(fault => `${file}: ${fault}`))
    assert.deepEqual(faults, [])
  })

  it('are found in every language, and their faults too', () => {
    const faults = (file: string, text: string) => commentsIn(file, text).flatMap(comment => faultsIn(file, comment))
    assert.deepEqual(faults('src/a.ts', "/** See DESIGN.md. */\nconst a = 'b' // As `hits\n\n"), ['DESIGN.md'])
    assert.deepEqual(faults('src/a.ts', '// The `hitsPlace`\n// of `a\n// hitsPlace`.'), ['hitsPlace', 'hitsPlace'])
    assert.deepEqual(faults('views/a.njk', '{# chat: as messagesOnPage returns it #}'), ['messagesOnPage'])
    assert.deepEqual(faults('static/a.css', '/* See server.ts */'), ['server.ts'])
    assert.deepEqual(faults('src/process/log.ts', '// See server.ts and ./parts.ts'), [])
    assert.deepEqual(faults('src/a.sql', "select '--' -- for chats_cursor, docs/decisions/099"), [
      'chats_cursor',
      'docs/decisions/099',
    ])
    assert.deepEqual(faults('docs/a.md', '`text` in src/http/input.ts, `text` in `src/http/fields.ts`'), [
      'text in src/http/input.ts',
    ])
    assert.deepEqual(faults('docs/a.md', '```\nnotHere\n```\nlive/feeds.ts isNotHere'), [
      'isNotHere',
      'isNotHere in live/feeds.ts',
    ])
  })
})

/** The comments of a file, each as one line; a document's paragraphs. */
function commentsIn(file: string, text: string): string[] {
  if (file.endsWith('.md')) {
    return text.replace(/^```[\s\S]*?^```|``.*?``/gm, '').split(/\n\n|\n(?=\|)/)
  }
  const comments = text.match(COMMENTS[path.extname(file).slice(1)] ?? /$^/) ?? []
  return comments.map(comment => comment.replace(/\s+(\/\/ |\* )?/g, ' '))
}

function faultsIn(file: string, comment: string): string[] {
  const named = [...comment.matchAll(FILE)].map(([name]) => name)
  const decisions = [...comment.matchAll(/docs\/decisions[/ ](\d{3})/g)].filter(
    ([, number]) => !files.some(file => file.startsWith(`docs/decisions/${number}-`)),
  )
  const quoted = [...comment.matchAll(/`([^`]+)`/g)].flatMap(
    ([, quote = '']) => quote.replace(FILE, '').match(WORD) ?? [],
  )
  // Outside of quotes only what can be no English.
  const names = comment
    .replace(/`[^`]*`/g, '')
    .replace(FILE, '')
    .match(/(?<![\w./-])(?:[a-z]+[A-Z]\w*|[a-z]+_[a-z_]+|[A-Z]+_[A-Z_]+)(?![\w/])/g)
  const places = [
    ...[...comment.matchAll(NAME_THEN_FILE)].map(([, name = '', at = '']) => ({ name, at })),
    ...[...comment.matchAll(FILE_THEN_NAME)].map(([, at = '', name = '']) => ({ name, at })),
  ]
  return [
    ...named.filter(name => !OF_OTHERS.includes(name) && !fileNamed(name, file)),
    ...[...quoted, ...(names ?? [])].filter(word => !isKnown(word)),
    ...decisions.map(([text]) => text),
    ...places.filter(({ name, at }) => !declares(fileNamed(at, file), name)).map(({ name, at }) => `${name} in ${at}`),
  ]
}

function isKnown(word: string): boolean {
  return (
    word.length < 3 ||
    words.has(word) ||
    (word.includes('-') && words.has(word.toLowerCase())) ||
    OF_OTHERS.includes(word)
  )
}

/** The file that is meant: beside the one that names it, from the root or from src/, or the only one whose path ends so. */
function fileNamed(name: string, from: string): string | undefined {
  const source = name.replace(/^dist\/(.*)\.js$/, '$1.ts')
  const near = [path.posix.join(path.posix.dirname(from), source), source, `src/${source}`].find(file =>
    texts.has(file),
  )
  const ends = files.filter(file => file.endsWith(`/${source}`))
  return near ?? (ends.length === 1 ? ends[0] : undefined)
}

function declares(file: string | undefined, name: string): boolean {
  const declaration = `\\b(?:function\\*?|const|class|interface|type) ${name}\\b|^ *(?:async |private |readonly )*${name}\\??(?:<.*>)?[ (:=]`
  return file !== undefined && new RegExp(declaration, 'm').test(texts.get(file) ?? '')
}
