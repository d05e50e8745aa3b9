import MarkdownIt, { type Ruler, type StateBlock, type StateInline, type Token } from 'markdown-it'
import { LIMITS } from '../config.js'
import { type Mentions, namesIn } from './mentions.js'
import { findBareLinks, linkTarget, siteOf } from './web-addresses.js'
import { escapeHtml } from './words.js'

/**
 * A message's Markdown as HTML: emphasis, strong, code, quotes, lists, links and line breaks, and nothing else; what is none of
 * these stays as typed. There is no line end in it: code has them as character references, as a stream's lines are put together
 * anew by those who read it. `mentions` are the names that become mentions where they stand behind an @.
 */
export function messageHtml(text: string, mentions?: Mentions | null): string {
  const key = `${mentions ? JSON.stringify(mentions) : ''} ${text}`
  const known = recent.get(key) ?? before.get(key)
  if (known !== undefined) {
    return known
  }
  const html = renderBlocks(markdown.parse(text, {}), {
    mentions: mentions ?? {},
    left: { ats: LIMITS.mentionsPerMessage },
  })
  remember(key, html)
  return html
}

/** In characters: what is rendered is kept until so much more has been, as its author's, others' and programs' answers and lists all need it. */
const REMEMBERED = 2 ** 22

let recent = new Map<string, string>()
let before = new Map<string, string>()
let size = 0

function remember(key: string, html: string) {
  size += key.length + html.length
  if (size > REMEMBERED) {
    before = recent
    recent = new Map()
    size = key.length + html.length
  }
  recent.set(key, html)
}

/** The names, folded, that may be meant where the text has an @: most of them are nobody's. */
export function mentionedNames(text: string): string[] {
  if (!text.includes('@')) {
    return []
  }
  const names = new Set<string>()
  const left = { ats: LIMITS.mentionsPerMessage }
  for (const { children } of markdown.parse(text, {})) {
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

/** Each token becomes what this says, or nothing: what the parser knows besides cannot come out. */
const TAGS: Readonly<Record<string, string>> = {
  paragraph_open: '<p>',
  paragraph_close: '</p>',
  blockquote_open: '<blockquote>',
  blockquote_close: '</blockquote>',
  bullet_list_open: '<ul>',
  bullet_list_close: '</ul>',
  ordered_list_close: '</ol>',
  list_item_open: '<li>',
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
      html += `<pre><code>${escapeHtml(codeOf(token)).replaceAll('\n', '&#10;')}</code></pre>`
    } else if (token.type === 'ordered_list_open') {
      const start = Number(token.attrGet('start') ?? 1)
      html += start === 1 ? '<ol>' : `<ol start="${start}">`
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

/** The texts outside of code and links. */
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

/** What stands behind the fence is a language, which nobody sees, or the first line of someone who did not know. */
function codeOf({ info, content }: Token): string {
  const first = /\S\s+\S/.test(info) ? `${info.trimStart()}\n` : ''
  return first + content.replace(/\n$/, '')
}

/** Quotes and lists stand in each other this deep at most, a list counting twice; what is deeper stays as typed. */
const DEPTH = 10

/** So many brackets of a message are looked at: each that opens no link costs a look at all that follows it. */
const BRACKETS = 50

const markdown = createMarkdown()

function createMarkdown() {
  const markdown = new MarkdownIt('zero', { linkify: true, maxNesting: 100 })
  const { core, block, inline } = markdown
  const { fence, blockquote, list } = {
    fence: ruleOf(block.ruler, 'fence'),
    blockquote: ruleOf(block.ruler, 'blockquote'),
    list: ruleOf(block.ruler, 'list'),
  }
  const link = ruleOf(inline.ruler, 'link')

  // A fence, a quote or a list with nothing in it is what somebody typed for its own sake: ">", "-", "* * *", "```".
  block.ruler.at(
    'fence',
    (state, line, end, silent) => fence(state, line, end, silent) && (silent || holdsCode(state, line)),
    { alt: ['paragraph', 'blockquote', 'list'] },
  )
  block.ruler.at(
    'blockquote',
    (state, line, end, silent) =>
      state.level < DEPTH && /^>[> \t]*[^> \t]/.test(lineOf(state, line)) && blockquote(state, line, end, silent),
    { alt: ['paragraph', 'blockquote', 'list'] },
  )
  block.ruler.at(
    'list',
    (state, line, end, silent) =>
      state.level < DEPTH &&
      /^(?:[-+*]|\d{1,9}[.)])[ \t][-+* \t]*[^-+* \t]/.test(lineOf(state, line)) &&
      list(state, line, end, silent),
    { alt: ['paragraph', 'blockquote'] },
  )
  block.ruler.at('paragraph', paragraph)
  inline.ruler.at('newline', lineBreak)
  inline.ruler.at('escape', escapeMark)
  inline.ruler.at('link', (state, silent) => honestLink(state, silent, link))

  markdown.normalizeLink = address => linkTarget(address) ?? ''
  markdown.validateLink = target => target !== ''
  markdown.normalizeLinkText = text => text
  findBareLinks(markdown.linkify)

  core.ruler.enableOnly(['block', 'inline', 'linkify', 'text_join'])
  block.ruler.enableOnly(['fence', 'blockquote', 'list', 'paragraph'])
  inline.ruler.enableOnly(['text', 'linkify', 'newline', 'escape', 'backticks', 'emphasis', 'link'])
  inline.ruler2.enableOnly(['balance_pairs', 'emphasis', 'fragments_join'])
  return markdown
}

type Rule<State extends unknown[]> = (...state: State) => boolean

/** The library's own rule of that name, which one of ours goes on with. */
function ruleOf<State extends unknown[]>(ruler: Ruler<State, boolean>, name: string): Rule<State> {
  ruler.enableOnly([name])
  const [rule] = ruler.getRules('')
  if (!rule) {
    throw new Error(`There is no rule ${name}`)
  }
  return rule
}

function lineOf({ src, bMarks, tShift, eMarks }: StateBlock, line: number): string {
  return src.slice((bMarks[line] ?? 0) + (tShift[line] ?? 0), eMarks[line])
}

function holdsCode(state: StateBlock, line: number): boolean {
  const token = state.tokens.at(-1)
  if (token && codeOf(token).trim() === '') {
    state.tokens.pop()
    state.line = line
    return false
  }
  return true
}

/** As the library's, but that spaces stay where they are: what people draw with them is shown as they typed it. */
function paragraph(state: StateBlock, start: number, end: number): boolean {
  const enders = state.md.block.ruler.getRules('paragraph')
  const { parentType } = state
  state.parentType = 'paragraph'
  let next = start + 1
  while (next < end && !state.isEmpty(next) && !ends(next)) {
    next++
  }
  state.line = next
  state.push('paragraph_open', 'p', 1)
  const inline = state.push('inline', '', 0)
  inline.content = state.getLines(start, next, state.blkIndent, false)
  inline.children = []
  state.push('paragraph_close', 'p', -1)
  state.parentType = parentType
  return true

  function ends(line: number) {
    const indent = state.sCount[line] ?? 0
    return indent >= 0 && indent - state.blkIndent <= 3 && enders.some(ender => ender(state, line, end, true))
  }
}

function lineBreak(state: StateInline, silent: boolean): boolean {
  if (state.src[state.pos] !== '\n') {
    return false
  }
  if (!silent) {
    state.push('hardbreak', 'br', 0)
  }
  state.pos++
  return true
}

/** Before what means something here, and no other character: paths and drawings keep their backslashes. */
const ESCAPED = /(?:\\([*_`[\]])|(?<=^[ \t]*)\\([-+>~]))/my

function escapeMark(state: StateInline, silent: boolean): boolean {
  if (state.src[state.pos] !== '\\') {
    return false
  }
  ESCAPED.lastIndex = state.pos
  const [typed, inText, atStart] = ESCAPED.exec(state.src) ?? []
  const shown = inText ?? atStart
  if (typed === undefined || shown === undefined) {
    return false
  }
  if (!silent) {
    const token = state.push('text_special', '', 0)
    token.content = shown
    token.markup = typed
    token.info = 'escape'
  }
  state.pos += typed.length
  return true
}

/**
 * A link that leads nowhere stays as typed, and so does one whose words are the address of another site than it leads to, so that
 * both can be seen.
 */
function honestLink(state: StateInline, silent: boolean, link: Rule<[StateInline, boolean]>): boolean {
  const { pos, tokens, env } = state
  env.brackets = Number(env.brackets ?? 0) + (state.src[pos] === '[' ? 1 : 0)
  // Fewer than the tokens: text that waited has none.
  const metas = state.tokens_meta.length
  // What would be an image.
  if (Number(env.brackets) > BRACKETS || state.src[pos - 1] === '!' || !link(state, silent)) {
    return false
  }
  if (silent) {
    return true
  }
  const opened = tokens.findLastIndex(({ type }) => type === 'link_open')
  const target = String(tokens[opened]?.attrGet('href'))
  const words = tokens
    .slice(opened)
    .map(({ content }) => content)
    .join('')
  if (target === '' || state.md.linkify.match(words)?.some(({ url }) => siteOf(url) !== siteOf(target))) {
    tokens.length = opened
    state.tokens_meta.length = metas
    state.pendingLevel = state.level
    state.pos = pos
    return false
  }
  return true
}
