import type { Ruler, StateBlock } from 'markdown-it'

/** How deep quotes and lists can be nested. What is deeper stays as it was typed. */
const DEPTH = 10

/** Quotes, lists, code between lines of backticks, and paragraphs; a block with nothing in it stays as it was typed: ">", "-", "```". */
export function addBlocks({ block }: StateBlock['md']) {
  const list = ruleOf(block.ruler, 'list')
  const interrupting = { alt: ['paragraph', 'list'] }
  block.ruler.at('fence', fence, interrupting)
  block.ruler.at('blockquote', quote, interrupting)
  block.ruler.at(
    'list',
    (state, line, end, silent) => depthOf(state) < DEPTH && isItem(state, line) && list(state, line, end, silent),
    { alt: ['paragraph'] },
  )
  // The library's rule takes any mark for a list's next item. What ends a list is asked with `silent`.
  block.ruler.before('list', 'no item', (state, line, _end, silent) => silent && !isItem(state, line), {
    alt: ['list'],
  })
  block.ruler.at('paragraph', paragraph)
  block.ruler.enableOnly(['fence', 'blockquote', 'no item', 'list', 'paragraph'])
}

/** The library's own rule of that name, which our rule calls. */
export function ruleOf<State extends unknown[]>(
  ruler: Ruler<State, boolean>,
  name: string,
): (...state: State) => boolean {
  ruler.enableOnly([name])
  const [rule] = ruler.getRules('')
  if (!rule) {
    throw new Error(`There is no rule ${name}`)
  }
  return rule
}

/** A mark, a space and a word: "* * * * * backup" is a line of a crontab, 2026. is a year, and 007. is no number of a list. */
const ITEM = /^(?:[-+*]|(?:0|[1-9]\d{0,2})\.)[ \t]+(?!(?:[-+*]|\d+\.)(?:[ \t]|$))\S/

/** A quote is a line of "> " and a word, and the lines right behind it that begin so too, or are ">" alone. */
const QUOTE = /^>[ \t]+\S/

function isItem(state: StateBlock, line: number): boolean {
  return ITEM.test(lineOf(state, line)) && !diffLines(state).has(line)
}

/** Of the line, without what the blocks around it take away. */
function lineOf({ src, bMarks, tShift, eMarks }: StateBlock, line: number): string {
  return src.slice((bMarks[line] ?? 0) + (tShift[line] ?? 0), eMarks[line])
}

/** Whether the line belongs to the block around it, and stands there as text and not deep within. */
function isNear({ sCount, blkIndent }: StateBlock, line: number): boolean {
  const indent = (sCount[line] ?? 0) - blkIndent
  return indent >= 0 && indent <= 3
}

/** A quote's lines are read apart, so its depth is passed on. A list has a level for itself, and one for its item. */
function depthOf(state: StateBlock): number {
  return Number(state.env.depth ?? 0) + state.level / 2
}

/** Where lines of "- " and lines of "+ " stand together, they are a diff, or for and against: as lists they would look the same. */
function diffLines(state: StateBlock): ReadonlySet<number> {
  const known = DIFF_LINES.get(state)
  if (known) {
    return known
  }
  const found = new Set<number>()
  const together = { '-': [] as number[], '+': [] as number[] }
  for (let line = 0; line <= state.eMarks.length; line++) {
    const text = lineOf(state, line)
    if (text.trim() !== '') {
      const [sign] = /^[-+](?=[ \t])/.exec(text) ?? []
      together[sign as '-' | '+']?.push(line)
      continue
    }
    if (together['-'].length > 0 && together['+'].length > 0) {
      for (const one of [...together['-'], ...together['+']]) {
        found.add(one)
      }
    }
    together['-'] = []
    together['+'] = []
  }
  DIFF_LINES.set(state, found)
  return found
}

const DIFF_LINES = new WeakMap<StateBlock, ReadonlySet<number>>()

/**
 * Lines between two of three backticks. The closing ones may stand at the end of a line: then nothing behind the opening ones is a
 * language. A language is one word, and is not shown.
 */
function fence(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  const [, marks, behind = ''] = /^(`{3,})([^`]*)$/.exec(lineOf(state, start)) ?? []
  if (!marks || !isNear(state, start)) {
    return false
  }
  const closing = new RegExp(`^([^\`]*)\`{${marks.length},}[ \\t]*$`)
  let next = start + 1
  let closed: RegExpExecArray | null = null
  while (next < end && !closed && (state.isEmpty(next) || (state.sCount[next] ?? 0) >= state.blkIndent)) {
    closed = closing.exec(lineOf(state, next))
    next++
  }
  const last = closed?.[1] ?? ''
  const first = last !== '' || /\S\s+\S/.test(behind) ? behind.trimStart() : ''
  const code = [
    ...(first === '' ? [] : [first]),
    ...(next - (closed ? 1 : 0) > start + 1
      ? [state.getLines(start + 1, next - (closed ? 1 : 0), state.sCount[start] ?? 0, false)]
      : []),
    ...(last === '' ? [] : [last]),
  ].join('\n')
  if (code.trim() === '') {
    return false
  }
  if (!silent) {
    state.line = next
    state.push('fence', 'code', 0).content = code
  }
  return true
}

function quote(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if (depthOf(state) >= DEPTH || !isNear(state, start) || !QUOTE.test(lineOf(state, start))) {
    return false
  }
  if (silent) {
    return true
  }
  const lines: string[] = []
  let next = start
  for (; next < end && isNear(state, next); next++) {
    const line = lineOf(state, next)
    if (!/^>(?:[ \t]|$)/.test(line)) {
      break
    }
    lines.push(line.slice(2))
  }
  // A ">" behind the last word quotes nothing.
  while (lines.at(-1)?.trim() === '') {
    lines.pop()
    next--
  }
  const { depth } = state.env
  state.push('blockquote_open', 'blockquote', 1)
  state.env.depth = depthOf(state) + 0.5
  state.md.block.parse(lines.join('\n'), state.md, state.env, state.tokens)
  state.env.depth = depth
  state.push('blockquote_close', 'blockquote', -1)
  state.line = next
  return true
}

/**
 * Like the library's rule, but it keeps all spaces, so that drawings made of text are shown as they were typed; and a line behind a list is
 * part of the last item only if it is indented like its words.
 */
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
    const indent = (state.sCount[line] ?? 0) - state.blkIndent
    return indent < 0 || (indent <= 3 && enders.some(ender => ender(state, line, end, true)))
  }
}
