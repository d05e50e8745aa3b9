import MarkdownIt, { type Ruler, type StateBlock, type StateInline, type Token } from 'markdown-it'
import { findBareLinks, linkTarget, siteOf } from './web-addresses.js'

/** What stands behind the fence is a language, which nobody sees, or the first line of someone who did not know. */
export function codeOf({ info, content }: Token): string {
  const first = /\S\s+\S/.test(info) ? `${info.trimStart()}\n` : ''
  return first + content.replace(/\n$/, '')
}

/** Quotes and lists stand in each other this deep at most, a list counting twice; what is deeper stays as typed. */
const DEPTH = 10

/** So many brackets of a message are looked at: each that opens no link costs a look at all that follows it. */
const BRACKETS = 50

/** Markdown-it with the rules that messages have, and no others. */
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
