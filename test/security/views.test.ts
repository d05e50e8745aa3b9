import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

/** What the templates and the code around them may not do, whatever a page looks like today. */
describe('the templates', () => {
  const views = filesUnder('views', '.njk')

  it('are found', () => {
    assert.ok(views.length > 10)
  })

  it('never take escaping off: no safe, no autoescape, no raw', () => {
    for (const { name, text } of views) {
      assert.doesNotMatch(text, /\|\s*safe\b|autoescape|\{%-?\s*raw|\bcallSafe\b|suppressValue/, name)
    }
  })

  it('quote every attribute that holds a value', () => {
    for (const { name, text } of views) {
      assert.doesNotMatch(text, /\s[\w:-]+\s*=\s*\{\{/, name)
    }
  })

  it('put no value into a script, a style, a handler or an expression of htmx', () => {
    for (const { name, text } of views) {
      assert.doesNotMatch(text, /<style|<script(?![^>]* src=)|<script[^>]*>(?!<\/script>)/i, name)
      assert.doesNotMatch(text, /\s(style|on\w+|hx-on[\w:-]*|hx-vals|srcdoc)\s*=/i, name)
      assert.doesNotMatch(text, /\b(js|javascript):/i, name)
    }
  })

  it('let a value begin no address but those that are made here: paths of files, and next, which is a path', () => {
    const allowed = /^\{\{ (assets\.\w+|next) \}\}/
    for (const { name, text } of views) {
      for (const [, value = ''] of text
        .replace(/\{%.*?%\}/g, '')
        .matchAll(/\b(?:href|src|action|formaction|hx-get|hx-post|hx-put)="([^"]*)"/g)) {
        assert.ok(!value.startsWith('{{') || allowed.test(value), `${name}: ${value}`)
        assert.ok(value.startsWith('{{') || /^([/#]|$)/.test(value), `${name}: ${value}`)
      }
    }
  })

  it('refer to no other site', () => {
    for (const { name, text } of views) {
      assert.doesNotMatch(text, /(?:href|src|action)="(?:https?:)?\/\//, name)
    }
  })
})

describe('the code', () => {
  const sources = filesUnder('src', '.ts')

  it('makes HTML by templates alone, which are escaped: autoescape and throwOnUndefined are set', () => {
    const views = sources.find(({ name }) => name.endsWith('views.ts'))
    assert.match(views?.text ?? '', /autoescape: true/)
    assert.match(views?.text ?? '', /throwOnUndefined: true/)
    for (const { name, text } of sources) {
      assert.doesNotMatch(text, /renderString|autoescape: false|markSafe/, name)
      if (!name.endsWith('views.ts')) {
        assert.doesNotMatch(text, /SafeString/, name)
      }
    }
  })

  it('marks nothing as safe but the HTML of messages and of items, which is made from escaped text', () => {
    const views = sources.find(({ name }) => name.endsWith('views.ts'))
    const marked = [...(views?.text ?? '').matchAll(/SafeString\(([^)]*)\)/g)].map(([, made]) => made)
    assert.deepEqual(
      marked.filter(
        made =>
          !made?.startsWith('messageHtml(') &&
          made !== 'entries.map(entry => entry.html(entry.event.author_id === reader_id' &&
          made !== 'items.map(({ html }',
      ),
      [],
    )
  })

  it('puts no input into SQL: what is raw holds constants only', () => {
    for (const { name, text } of sources.filter(({ name }) => !name.includes('migrations'))) {
      // These two are files of ours: functions and indexes.
      assert.doesNotMatch(text.replace(/sql\.raw\((await definitionOf\(name\)|create)\)/g, ''), /sql\.raw\(/, name)
      for (const [, lit = ''] of text.matchAll(/sql\.lit\(([^)]*)\)/g)) {
        assert.match(lit, /LIMITS\.|^[A-Z_]+$|^`\$\{[A-Z_]+\} days`$|^'[^']*'$/, name)
      }
    }
  })
})

describe('the script of the pages', () => {
  it('makes no HTML of text and needs no eval', () => {
    const modules = filesUnder('static/app', '.ts')
    assert.ok(modules.length > 10)
    for (const { name, text } of modules) {
      // As the name of a way to swap it is htmx's.
      const html = /innerHTML(?!' })|outerHTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc/
      assert.doesNotMatch(text, html, name)
      assert.doesNotMatch(text, /document\.cookie/, name)
    }
  })

  it('uses no selector that Firefox 97, the oldest it is bundled for, does not know', () => {
    for (const { name, text } of filesUnder('static/app', '.ts')) {
      assert.doesNotMatch(text, /['"`][^'"`\n]*:has\(/, name)
    }
  })
})

function filesUnder(folder: string, extension: string) {
  return readdirSync(at(folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(extension))
    .map(name => ({ name, text: readFileSync(at(`${folder}/${name}`), 'utf8') }))
}
