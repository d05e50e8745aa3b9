import { access, constants } from 'node:fs/promises'
import path from 'node:path'

/** A window of whichever browser: the little that a story needs. */
export interface Window {
  /** Does not wait until the page has come. */
  open(url: string): Promise<void>
  /** Types at the end of what is in the field. */
  type(selector: string, text: string): Promise<void>
  press(key: 'Enter'): Promise<void>
  /** What an expression is in the page. */
  read<Value>(expression: string): Promise<Value>
  close(): Promise<void>
}

/** The path of the first of the programs that this machine has. */
export async function installed(programs: readonly string[], folders = onPath()): Promise<string | undefined> {
  for (const file of programs.flatMap(program => folders.map(folder => path.resolve(folder, program)))) {
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    ) {
      return file
    }
  }
  return undefined
}

function onPath() {
  return (process.env.PATH ?? '').split(path.delimiter)
}
