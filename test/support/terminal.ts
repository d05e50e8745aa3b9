import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { PATIENCE } from './patience.js'
import { temporaryFolder } from './server.js'

const ROWS = 40
const COLUMNS = 80

const run = promisify(execFile)

/** A program in a terminal of its own: its screen, and the keys that a person presses. */
export interface Terminal {
  /** Presses the keys. Keys that are pressed before the program shows that it waits for them may be lost. */
  type(keys: string): void
  /** Waits until this is on the screen, for a minute at most. The error shows the screen. */
  shows(expected: string | RegExp): Promise<void>
  /** The same for the line of the cursor, in which the cursor is written as `|`. */
  pointsAt(expected: string): Promise<void>
  close(): Promise<void>
}

/** Runs a program in a terminal, with a home of its own and only the path from our environment. */
export async function openTerminal(program: string, args: string[]): Promise<Terminal> {
  const home = await temporaryFolder('chatire-home-')
  const screen = new Screen()
  const command = `echo $$ >pid; stty rows ${ROWS} cols ${COLUMNS}; exec ${[program, ...args].map(quoted).join(' ')}`
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: home.path,
    env: { ...bare(home.path), TERM: 'vt52' },
  })
  const closed = once(child, 'close')
  let look = () => {}
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen.write(text)
    look()
  })
  // The program has ended. The next look at the screen reports that.
  child.stdin.on('error', () => {})

  return {
    type: keys => child.stdin.write(keys),
    shows: expected =>
      until(`The screen should show ${expected}`, () =>
        typeof expected === 'string' ? screen.text.includes(expected) : expected.test(screen.text),
      ),
    pointsAt: expected => until(`The cursor should stand like ${expected}`, () => screen.line.includes(expected)),
    async close() {
      // The signal goes to the program itself: `script` would take two seconds to pass it on.
      const pid = Number(await readFile(path.join(home.path, 'pid'), 'utf8').catch(() => ''))
      const tooLate = setTimeout(() => child.kill('SIGKILL'), pid > 0 ? PATIENCE / 3 : 0)
      if (pid > 0) {
        await run('kill', [String(pid)]).catch(() => 'It has ended by itself.')
      }
      await closed
      clearTimeout(tooLate)
      await home.remove()
    },
  }

  async function until(wish: string, fulfilled: () => boolean) {
    const fulfilment = new Promise<true>(resolve => {
      look = () => fulfilled() && resolve(true)
      look()
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<string>(resolve => {
      timer = setTimeout(resolve, PATIENCE, `${PATIENCE / 1000} s later it is`)
    })
    const outcome = await Promise.race([fulfilment, late, closed.then(() => 'the program has ended')])
    clearTimeout(timer)
    if (outcome !== true) {
      throw new Error(`${wish}, but ${outcome}:\n${screen.text}\nThe cursor: ${screen.line}`)
    }
  }
}

/** The output of a program that needs no terminal. Rejects if it fails or does not end. */
export async function printed(program: string, args: string[]): Promise<string> {
  const home = await temporaryFolder('chatire-home-')
  try {
    const running = run(program, args, {
      cwd: home.path,
      env: bare(home.path),
      timeout: PATIENCE,
      killSignal: 'SIGKILL',
    })
    running.child.stdin?.end()
    return (await running).stdout
  } finally {
    await home.remove()
  }
}

/** Skips a test without the text browser, or the `script` of util-linux, which gives it a terminal, except in CI. */
export function skipWithoutBrowser(browser: string) {
  return async function (this: Mocha.Context) {
    if (!(await canOpen(browser))) {
      if (process.env.CI === 'true') {
        throw new Error(`This test needs ${browser} and the script of util-linux. Please install them.`)
      }
      this.skip()
    }
  }
}

async function canOpen(browser: string): Promise<boolean> {
  try {
    const [script] = await Promise.all([run('script', ['--version']), run(browser, ['-version'])])
    return script.stdout.includes('util-linux')
  } catch {
    return false
  }
}

function bare(home: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: home, LC_ALL: 'C.UTF-8' }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** What comes behind an escape, to its end: a command of a VT52, or of the terminals that came after it. */
const COMMAND = /^(?:Y..|\[[^@-~]*[@-~]|[()].|[^Y[()])$/s

/**
 * The screen of a VT52, the terminal with the fewest commands on which text browsers can draw. links2 takes no notice of what the terminal
 * is, so the few commands that it draws by are known too (ECMA-48). Every character takes one cell.
 */
class Screen {
  private rows = Array.from({ length: ROWS }, blankRow)
  private row = 0
  private column = 0
  private command = ''

  get text(): string {
    return this.rows
      .map(cells => cells.join('').trimEnd())
      .join('\n')
      .trim()
  }

  /** The line of the cursor, in which the cursor is written as `|`. */
  get line(): string {
    return this.cells.toSpliced(this.column, 0, '|').join('').trimEnd()
  }

  write(text: string) {
    for (const character of text) {
      this.command += character
      if (!this.command.startsWith('\x1b') || COMMAND.test(this.command.slice(1))) {
        this.obey(this.command)
        this.command = ''
      }
    }
  }

  private obey(command: string) {
    switch (command.slice(0, 2)) {
      case '\x1b[':
        return this.control(command.slice(2, -1), command.at(-1))
      case '\x1bY':
        return this.moveTo(command.charCodeAt(2) - 32, command.charCodeAt(3) - 32)
      case '\x1bH':
        return this.moveTo(0, 0)
      case '\x1bA':
        return this.moveTo(this.row - 1, this.column)
      case '\x1bB':
        return this.moveTo(this.row + 1, this.column)
      case '\x1bC':
        return this.moveTo(this.row, this.column + 1)
      case '\x1bD':
      case '\b':
        return this.moveTo(this.row, this.column - 1)
      case '\t':
        return this.moveTo(this.row, this.column - (this.column % 8) + 8)
      case '\r':
        return this.moveTo(this.row, 0)
      case '\n':
        if (this.row === ROWS - 1) {
          this.rows = [...this.rows.slice(1), blankRow()]
        }
        return this.moveTo(this.row + 1, this.column)
      case '\x1bI':
        if (this.row === 0) {
          this.rows = [blankRow(), ...this.rows.slice(0, -1)]
        }
        return this.moveTo(this.row - 1, this.column)
      case '\x1bJ':
        this.rows = this.rows.map((cells, row) => (row > this.row ? blankRow() : cells))
        this.cells.fill(' ', this.column)
        return
      case '\x1bK':
        this.cells.fill(' ', this.column)
        return
    }
    // The rest is a character to show, a bell, or a setting of the keypad or of line drawing.
    if (command >= ' ') {
      this.cells[this.column] = command
      this.moveTo(this.row, this.column + 1)
    }
  }

  private control(values: string, letter: string | undefined) {
    const [row = 1, column = 1] = values.split(';').map(value => Number(value) || 1)
    if (letter === 'H') {
      this.moveTo(row - 1, column - 1)
    } else if (letter === 'J') {
      this.rows = Array.from({ length: ROWS }, blankRow)
    }
    // The rest is a colour, or how keys are sent.
  }

  private get cells(): string[] {
    return this.rows[this.row] ?? []
  }

  private moveTo(row: number, column: number) {
    this.row = Math.min(Math.max(row, 0), ROWS - 1)
    this.column = Math.min(Math.max(column, 0), COLUMNS - 1)
  }
}

function blankRow(): string[] {
  return Array<string>(COLUMNS).fill(' ')
}
