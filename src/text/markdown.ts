import type { Token } from 'markdown-it'
import { LIMITS } from '../config.js'
import { cachedHtml } from './markdown-cache.js'
import { parser } from './markdown-parser.js'
import { type Mentions, namesIn } from './mentions.js'
import { escapeHtml } from './words.js'

/** Grows with every change of what `messageHtml` makes of a text: a copy of old HTML is out of date then. */
export const RULES_VERSION = 2

/**
 * A message's Markdown as HTML: emphasis, strong, code, quotes, lists, links and line breaks. Everything else stays as it was typed.
 * `mentions` are the names that become mentions where they stand behind an @. The HTML has no line ends, as it is sent in the lines of
 * server-sent events: those of code are character references.
 */
export function messageHtml(text: string, mentions?: Mentions | null): string {
  const key = `${mentions ? JSON.stringify(mentions) : ''} ${text}`
  return cachedHtml(key, () =>
    renderBlocks(parser.parse(text, {}), { mentions: mentions ?? {}, left: { ats: LIMITS.mentionsPerMessage } }),
  )
}

/** The folded names that may be meant behind the @s of the text. Most of them are not the name of any member. */
export function mentionedNames(text: string): string[] {
  if (!/[@＠]/.test(text)) {
    return []
  }
  const names = new Set<string>()
  const left = { ats: LIMITS.mentionsPerMessage }
  for (const { children } of parser.parse(text, {})) {
    for (const content of plainTexts(children ?? [])) {
      for (const { candidates } of namesIn(content, left)) {
        for (const { name } of candidates) {
          names.add(name)
        }
      }
    }
  }
  return [...names]
}

interface Naming {
  mentions: Mentions
  left: { ats: number }
}

/** The HTML of tokens that need no work. A token that is neither here nor in a function below becomes nothing: no other HTML can come out. */
const TAGS: Readonly<Record<string, string>> = {
  paragraph_open: '<p>',
  paragraph_close: '</p>',
  blockquote_open: '<blockquote>',
  blockquote_close: '</blockquote>',
  bullet_list_open: '<ul>',
  bullet_list_close: '</ul>',
  ordered_list_open: '<ol>',
  ordered_list_close: '</ol>',
  list_item_close: '</li>',
  em_open: '<em>',
  em_close: '</em>',
  strong_open: '<strong>',
  strong_close: '</strong>',
  hardbreak: '<br>',
  link_close: '</a>',
}

function renderBlocks(tokens: readonly Token[], naming: Naming): string {
  let html = ''
  for (const token of tokens) {
    if (token.type === 'inline') {
      html += renderInline(token.children ?? [], naming)
    } else if (token.type === 'fence') {
      html += `<pre><code>${escapeHtml(token.content).replaceAll('\n', '&#10;')}</code></pre>`
    } else if (token.type === 'list_item_open') {
      // A number is shown as it was typed, whatever stands before it.
      html += token.info === '' ? '<li>' : `<li value="${token.info}">`
    } else if (!token.hidden) {
      html += TAGS[token.type] ?? ''
    }
  }
  return html
}

function renderInline(tokens: readonly Token[], naming: Naming): string {
  let html = ''
  let links = 0
  for (const token of tokens) {
    if (token.type === 'text') {
      html += links > 0 ? escapeHtml(token.content) : renderText(token.content, naming)
    } else if (token.type === 'code_inline') {
      html += `<code>${escapeHtml(token.content)}</code>`
    } else if (token.type === 'link_open') {
      links++
      const href = escapeHtml(String(token.attrGet('href')))
      html += `<a href="${href}" target="_blank" rel="noopener noreferrer nofollow ugc">`
    } else {
      links -= token.type === 'link_close' ? 1 : 0
      html += TAGS[token.type] ?? ''
    }
  }
  return html
}

function renderText(text: string, { mentions, left }: Naming): string {
  let html = ''
  let done = 0
  for (const { at, candidates } of namesIn(text, left)) {
    const named = at < done ? undefined : candidates.find(({ name }) => Object.hasOwn(mentions, name))
    if (named) {
      const shown = escapeHtml(text.slice(at, named.end))
      html += `${escapeHtml(text.slice(done, at))}<span class="mention" data-user="${Number(mentions[named.name])}">${shown}</span>`
      done = named.end
    }
  }
  return html + escapeHtml(text.slice(done))
}

/** The texts that can mention: those outside of code and links. */
function plainTexts(tokens: readonly Token[]): string[] {
  let links = 0
  const texts: string[] = []
  for (const { type, content } of tokens) {
    links += type === 'link_open' ? 1 : type === 'link_close' ? -1 : 0
    if (type === 'text' && links === 0) {
      texts.push(content)
    }
  }
  return texts
}
