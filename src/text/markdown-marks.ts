import type { StateInline, Token } from 'markdown-it'
import { isBlank } from './characters.js'
import { namesAnotherHost } from './link-words.js'
import { roleOf } from './markdown-asterisks.js'
import { ruleOf } from './markdown-blocks.js'
import { Plan } from './markdown-plan.js'
import { linkTarget } from './web-addresses.js'

/** How many misleading links are looked for in a message, as their words are read twice. Behind these there are no more links with words. */
const REFUSED = 10

/** Emphasis, code, links, line breaks, and the backslashes before them. */
export function addMarks({ inline }: StateInline['md']) {
  const backticks = ruleOf(inline.ruler, 'backticks')
  inline.ruler.at('text', plainText)
  inline.ruler.before('text', 'address', bareAddress)
  inline.ruler.at('newline', lineBreak)
  inline.ruler.at('escape', backslash)
  inline.ruler.at('backticks', state => code(state, backticks))
  inline.ruler.at('emphasis', asterisks)
  inline.ruler.at('link', link)
  inline.ruler2.after('balance_pairs', 'escaped', noteEscaped)
  inline.ruler.enableOnly(['address', 'text', 'newline', 'escape', 'backticks', 'emphasis', 'link'])
  inline.ruler2.enableOnly(['balance_pairs', 'escaped', 'emphasis', 'fragments_join'])
}

/** What the rules pass on to each other while they read a message. */
interface Env {
  plan?: Plan
  /** Set while a paragraph is read as if it had no backslashes before marks. */
  trial?: boolean
  refused?: number
}

function planOf({ env, src, md }: StateInline): Plan {
  const known = (env as Env).plan
  if (known?.text === src) {
    return known
  }
  const plan = new Plan(src)
  env.plan = plan
  if (/\\[*`[\]]/.test(src)) {
    md.inline.parse(src, md, { plan, trial: true, refused: env.refused }, [])
  }
  for (const match of src.matchAll(ESCAPED_LINE)) {
    plan.hidden.add(match.index + match[0].indexOf('\\'))
  }
  return plan
}

/** A line that would be a quote's or a list's without its backslash. */
const ESCAPED_LINE = /^[ \t]*(?:\\>[ \t]+\S|\\[-+*][ \t]+\S|(?:0|[1-9]\d{0,2})\\\.[ \t]+\S)/gm

/** Text runs to the next character that may mean something, or to the next address. */
function plainText(state: StateInline): boolean {
  const { src, pos, posMax } = state
  SIGN.lastIndex = pos
  const end = Math.min(posMax, planOf(state).nextAddress(pos), SIGN.exec(src)?.index ?? posMax)
  if (end === pos) {
    return false
  }
  return literal(state, src.slice(pos, end), end)
}

const SIGN = /[\n*\\`[\]]/g

function literal(state: StateInline, shown: string, end: number): true {
  state.pending += shown
  state.pos = end
  return true
}

function bareAddress(state: StateInline): boolean {
  const address = planOf(state).addressAt(state.pos)
  if (!address || address.end > state.posMax) {
    return false
  }
  const { src, pos } = state
  if (state.linkLevel > 0) {
    return literal(state, src.slice(pos, address.end), address.end)
  }
  state.push('link_open', 'a', 1).attrs = [['href', address.href]]
  state.push('text', '', 0).content = src.slice(pos, address.end)
  state.push('link_close', 'a', -1)
  state.pos = address.end
  return true
}

function lineBreak(state: StateInline): boolean {
  if (state.src[state.pos] !== '\n') {
    return false
  }
  state.push('hardbreak', 'br', 0)
  state.pos++
  return true
}

/**
 * A backslash is hidden only where the mark behind it would have marked something. To know that, the paragraph is read once more, on
 * trial, as if there were no backslashes before marks: those whose mark found its partner are hidden.
 */
function backslash(state: StateInline): boolean {
  const { src, pos } = state
  if (src[pos] !== '\\') {
    return false
  }
  MARKS.lastIndex = pos + 1
  const marks = MARKS.exec(src)?.[0] ?? ''
  const end = pos + 1 + marks.length
  if (isTrial(state)) {
    return asterisks(state) || literal(state, marks === '' ? '\\' : '', pos + 1)
  }
  const isHidden = planOf(state).hidden.has(pos)
  return literal(state, isHidden ? marks : `\\${marks}`, end)
}

const MARKS = /[*[\]]|`+|/y

function isTrial({ env }: StateInline): boolean {
  return (env as Env).trial === true
}

/** In a trial. Of a mark that begins behind a backslash. */
function hideBackslash(state: StateInline, at: number) {
  if (isTrial(state) && state.src[at - 1] === '\\') {
    planOf(state).hidden.add(at - 1)
  }
}

function code(state: StateInline, backticks: (state: StateInline, silent: boolean) => boolean): boolean {
  const { src, pos, pending, tokens } = state
  const { length } = tokens
  if (src[pos] !== '`' || !backticks(state, false)) {
    return false
  }
  const made = tokens.length > length ? tokens.at(-1) : undefined
  if (made?.type !== 'code_inline') {
    return true
  }
  if (made.content.trim() === '') {
    // Nothing stands between them, so they stay as they were typed.
    tokens.length = length
    state.pending = pending
    for (const [n, line] of src.slice(pos, state.pos).split('\n').entries()) {
      if (n > 0) {
        state.push('hardbreak', 'br', 0)
      }
      state.pending += line
    }
  } else {
    hideBackslash(state, pos)
    hideBackslash(state, state.pos - made.markup.length)
  }
  return true
}

/** A run of asterisks. In a trial those behind backslashes belong to it. */
function asterisks(state: StateInline): boolean {
  const { src, pos } = state
  const run = isTrial(state) ? RUN_ON_TRIAL : RUN
  run.lastIndex = pos
  const typed = run.exec(src)?.[0]
  if (typed === undefined) {
    return false
  }
  const marks = typed.match(/\\?\*/g) ?? []
  const { open, close } = roleOf(src, pos, pos + typed.length, marks.length)
  const opens = open && planOf(state).closesInBracket(pos)
  for (const mark of marks) {
    const token = state.push('text', '', 0)
    token.content = '*'
    token.meta = { escaped: mark === '*' ? undefined : state.pos }
    state.pos += mark.length
    if (opens || close) {
      const place = state.tokens.length - 1
      state.delimiters.push({ marker: 0x2a, length: marks.length, token: place, end: -1, open: opens, close })
    }
  }
  return true
}

const RUN = /\*+/y
const RUN_ON_TRIAL = /(?:\\?\*)+/y

/** In a trial: the asterisks behind backslashes that found their partners. */
function noteEscaped(state: StateInline) {
  if (!isTrial(state)) {
    return
  }
  for (const delimiters of [state.delimiters, ...state.tokens_meta.map(meta => meta?.delimiters ?? [])]) {
    for (const { end, token } of delimiters) {
      const partner = delimiters[end]
      if (partner) {
        for (const mark of [token, partner.token]) {
          const escaped = state.tokens[mark]?.meta?.escaped
          if (typeof escaped === 'number') {
            planOf(state).hidden.add(escaped)
          }
        }
      }
    }
  }
}

/** The address of a link in round brackets, which may hold pairs of them, and a title, which is not shown. */
const LINK_END = /\([ \n]?<?([^\s<>()\\]*(?:\([^\s<>()\\]*\)[^\s<>()\\]*)*)>?(?: "[^"\n]*")?[ \n]?\)/y

/**
 * [words](address) is a link if it has words that can be seen, and these do not look like another site than it leads to. Otherwise it
 * stays as it was typed, and readers see both.
 */
function link(state: StateInline): boolean {
  const { src, pos, posMax, tokens, env } = state
  const labelEnd = state.linkLevel === 0 ? planOf(state).endOfLabel(pos, isTrial(state)) : undefined
  if (labelEnd === undefined || Number(env.refused ?? 0) >= REFUSED) {
    return false
  }
  LINK_END.lastIndex = labelEnd + 1
  const href = linkTarget(LINK_END.exec(src)?.[1] ?? '')
  if (href === undefined) {
    return false
  }
  const end = LINK_END.lastIndex
  state.push('link_open', 'a', 1).attrs = [['href', href]]
  // Fewer than the tokens, as pending text has none.
  const [opened, metas] = [tokens.length - 1, state.tokens_meta.length - 1]
  state.pos = pos + 1
  state.posMax = labelEnd
  state.linkLevel++
  state.md.inline.tokenize(state)
  state.linkLevel--
  state.posMax = posMax
  state.push('link_close', 'a', -1)
  if (misleads(tokens.slice(opened), href)) {
    env.refused = Number(env.refused ?? 0) + 1
    tokens.length = opened
    state.tokens_meta.length = metas
    state.pendingLevel = state.level
    state.pos = pos
    return false
  }
  hideBackslash(state, pos)
  hideBackslash(state, labelEnd)
  state.pos = end
  return true
}

/** Whether the words of a link show nothing, or another site. Which of their asterisks are shown is not known yet. */
function misleads(tokens: readonly Token[], href: string): boolean {
  const words = tokens.map(({ content }) => content).join('')
  return (
    isBlank(words) ||
    namesAnotherHost(words, href) ||
    (words.includes('*') && namesAnotherHost(words.replaceAll('*', ''), href))
  )
}
