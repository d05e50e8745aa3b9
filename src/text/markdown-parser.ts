import MarkdownIt, { type Ruler, type StateBlock, type StateInline, type Token } from 'markdown-it'
import { findBareLinks, linkTarget, siteOf } from './web-addresses.js'

/** One word behind the opening fence is a language, which is not shown. More than one is the first line of the code. */
export function codeOf({ info, content }: Token): string {
  const first = /\S\s+\S/.test(info) ? `${info.trimStart()}\n` : ''
  return first + content.replace(/\n$/, '')
}

/** How deep quotes and lists can be nested; a list counts twice. What is deeper stays as it was typed. */
const DEPTH = 10

/** How many brackets of a message are tried as links: each that is none costs a look at all the text behind it. */
const BRACKETS = 50

/** markdown-it with the rules of messages alone. */
export const parser = createParser()

function createParser() {
  const markdown = new MarkdownIt('zero', { linkify: true, maxNesting: 100 })
  const { core, block, inline } = markdown
  const { fence, blockquote, list } = {
    fence: ruleOf(block.ruler, 'fence'),
    blockquote: ruleOf(block.ruler, 'blockquote'),
    list: ruleOf(block.ruler, 'list'),
  }
  const link = ruleOf(inline.ruler, 'link')

  // A fence, a quote or a list with nothing in it stays as it was typed: ">", "-", "* * *", "```".
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

/** The library's own rule of that name, which our rule calls. */
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

/** Like the library's rule, but it keeps all spaces, so that drawings made of text are shown as they were typed. */
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

/** Only before characters that mean something in messages, so that paths and drawings keep their backslashes. */
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
 * A link stays as it was typed if it leads nowhere. So it does if its words are the address of another site than the one it leads to:
 * readers see both then.
 */
function honestLink(state: StateInline, silent: boolean, link: Rule<[StateInline, boolean]>): boolean {
  const { pos, tokens, env } = state
  env.brackets = Number(env.brackets ?? 0) + (state.src[pos] === '[' ? 1 : 0)
  // Fewer than the tokens, as pending text has none.
  const metas = state.tokens_meta.length
  // A ! before the bracket would make it an image.
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
