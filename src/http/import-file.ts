import { TextDecoder } from 'node:util'

/** One JSON text of a file. `line`: that on which it begins, from 1. */
export interface Item {
  line: number
  text: string
  /** It is what stood around the others. */
  isAround?: true
}

/** The file cannot be read on from that line. */
export class BadFile extends Error {
  readonly line: number

  constructor(line: number, sentence: string) {
    super(`Line ${line}: ${sentence}`)
    this.line = line
  }
}

type Bytes = AsyncIterable<Uint8Array>

/** In UTF-16 units: an export has a third of it at most. */
const LONGEST = 64 * 1024

const TOO_LONG = 'It is longer than 64 KiB, so it is no line of an export.'

async function* decoded(bytes: Bytes, line: () => number): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of bytes) {
      yield decoder.decode(chunk, { stream: true })
    }
    yield decoder.decode()
  } catch (error) {
    throw (error as { code?: string }).code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
      ? new BadFile(line(), 'The text is not valid UTF-8.')
      : error
  }
}

/** The lines of NDJSON, without empty ones. Holds one line at a time. Throws BadFile. */
export async function* linesOf(bytes: Bytes): AsyncGenerator<Item> {
  let line = 1
  let rest = ''
  for await (const text of decoded(bytes, () => line)) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) {
      if (text.trim() !== '') {
        yield { line, text: checked(text, line) }
      }
      line++
    }
    checked(rest, line)
  }
  if (rest.trim() !== '') {
    yield { line, text: rest }
  }
}

function checked(text: string, line: number): string {
  if (text.length > LONGEST) {
    throw new BadFile(line, TOO_LONG)
  }
  return text
}

/**
 * The objects in the outermost array of a JSON document, one by one, and then the document without them. Holds one object at a time, and what
 * stands around them. Throws BadFile.
 */
export async function* itemsOf(bytes: Bytes): AsyncGenerator<Item> {
  let line = 1
  let startedAt = 1
  /** The object that is being read, or what stands around the objects. */
  let item: string | undefined
  let around = ''
  const open: string[] = []
  /** How many brackets were open before the object began. */
  let outside = 0
  let quoted = false
  let escaped = false
  for await (const text of decoded(bytes, () => line)) {
    let from = 0
    const take = (upTo: number) => {
      const part = text.slice(from, upTo)
      from = upTo
      if (item === undefined) {
        // Between the objects of the array are commas, which the document without them does not need.
        around = checked(around + (open.at(-1) === '[' ? part.replace(/[\s,]+/g, '') : part), line)
      } else {
        item = checked(item + part, startedAt)
      }
    }
    for (let at = 0; at < text.length; at++) {
      const sign = text[at]
      if (sign === '\n') {
        line++
      }
      if (quoted) {
        quoted = escaped || sign !== '"'
        escaped = !escaped && sign === '\\'
      } else if (sign === '"') {
        quoted = true
      } else if (sign === '{' || sign === '[') {
        if (item === undefined) {
          const isItem = sign === '{' && open.at(-1) === '[' && open.length <= 2
          take(isItem ? at : at + 1)
          if (isItem) {
            item = ''
            startedAt = line
            outside = open.length
          }
        }
        open.push(sign)
        if (open.length > 100) {
          throw new BadFile(line, 'It is nested too deep to be an export.')
        }
      } else if (sign === '}' || sign === ']') {
        if (open.at(-1) !== (sign === '}' ? '{' : '[')) {
          throw new BadFile(line, 'This is not valid JSON: a bracket closes that was not opened.')
        }
        if (item === undefined) {
          take(at)
        }
        open.pop()
        take(at + 1)
        if (item !== undefined && open.length === outside) {
          yield { line: startedAt, text: item }
          item = undefined
        }
      }
    }
    take(text.length)
  }
  if (open.length > 0 || quoted) {
    throw new BadFile(line, 'The file ends too early.')
  }
  yield { line, text: around, isAround: true }
}
