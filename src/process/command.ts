import { parseArgs } from 'node:util'
import { OperatorError } from '../operator-error.js'
import { asLine } from '../text/controls.js'

/** What may follow a command: from `least` to `most` words, and options, apart from `--json`. */
interface Form {
  least: number
  most: number
  options?: readonly string[]
}

/** Reads a command with its words and options. Throws an OperatorError with the usage for anything else. */
export function readCommand<Name extends string>(args: string[], forms: Record<Name, Form>, usage: string) {
  const known = ['json', ...Object.values<Form>(forms).flatMap(({ options = [] }) => options)]
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: Object.fromEntries(known.map(option => [option, { type: 'boolean' }])),
    })
    const [name = '', ...words] = positionals
    const given = Object.keys(values)
    if (Object.hasOwn(forms, name)) {
      const { least, most, options = [] } = forms[name as Name]
      const fits = given.every(option => option === 'json' || options.includes(option))
      if (fits && words.length >= least && words.length <= most) {
        return { name: name as Name, words, has: (option: string) => given.includes(option) }
      }
    }
  } catch {
    // An option that there is not.
  }
  throw new OperatorError(usage)
}

/**
 * Prints an answer: the lines for people, or the object as one line of JSON for programs. Names and titles come from users, so nothing in them
 * may steer the terminal: it is taken out of lines, and escaped in JSON.
 */
export function print(asJson: boolean, answer: object, lines: readonly string[]) {
  for (const line of asJson ? [escaped(JSON.stringify(answer))] : lines.map(asLine)) {
    console.log(line)
  }
}

/** JSON escapes other controls by itself. */
function escaped(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A time as a column shows it: to the minute, in UTC. */
export function minute(time: Date | null): string {
  return (time?.toISOString().slice(0, 16).replace('T', ' ') ?? '').padEnd(16)
}

export function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

/** The id that words such as id:17 mean. */
export function idIn(word: string): number | undefined {
  const [, id] = /^id:(\d{1,15})$/.exec(word) ?? []
  return id === undefined ? undefined : Number(id)
}
