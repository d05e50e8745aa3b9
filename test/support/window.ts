import { access, constants } from 'node:fs/promises'
import path from 'node:path'

/** A window of any browser, with the few functions that a story needs. */
export interface Window {
  /** Does not wait until the page is loaded. */
  open(url: string): Promise<void>
  /** Types into the field: at the end of its text, or in Firefox before it where the page has put some there. */
  type(selector: string, text: string): Promise<void>
  press(key: 'Enter'): Promise<void>
  /** Clicks in the middle of an element; `element` is an expression in the page. */
  click(element: string): Promise<void>
  /** The value of an expression in the page. */
  read<Value>(expression: string): Promise<Value>
  close(): Promise<void>
}

/** The window, if the browser is there. Otherwise skips the test or hook, or fails it where all browsers must be there. */
export function required<Found extends Window>(context: Mocha.Context, window: Found | undefined, name: string): Found {
  if (!window) {
    if (process.env.CI === 'true') {
      throw new Error(`This needs ${name}. Please install it (.ci/run says how).`)
    }
    return context.skip()
  }
  return window
}

/** The path of the first of these programs that this machine has. */
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
