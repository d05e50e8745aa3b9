// The Chromium that the tests and the photographs use.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { at, fail, run, say } from './prepare.js'

/**
 * A Chromium: the machine's, else Playwright's, else one by the system's package manager. The shell without a window of its own comes
 * first: it takes half the time for a page.
 */
export async function browser() {
  if (process.env.CHROMIUM && !runs(process.env.CHROMIUM)) {
    fail(`CHROMIUM names ${process.env.CHROMIUM}, which does not run.`)
  }
  const found = onThisMachine()
  if (found) {
    return found
  }
  const { chromium } = await import('playwright')
  if (!runs(chromium.executablePath())) {
    say('Getting a browser for the tests')
    spawnSync(process.execPath, [at('node_modules/playwright/cli.js'), 'install', 'chromium'], {
      stdio: 'inherit',
      timeout: 300_000,
    })
  }
  if (runs(chromium.executablePath())) {
    return chromium.executablePath()
  }
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    await run('apt-get', ['update'], 'The list of packages could not be read.')
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], 'Chromium could not be installed.')
  }
  return (
    onThisMachine() ??
    fail(
      'The tests need a browser. Install Chromium, or say where one is with CHROMIUM=/path/to/chromium, and try again.',
    )
  )
}

function onThisMachine() {
  const known = [
    process.env.CHROMIUM,
    ...['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].flatMap(
      name => (process.env.PATH ?? '').split(':').map(folder => `${folder}/${name}`),
    ),
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  ]
  return known.find(path => path && runs(path))
}

/** One that is there may still lack its libraries. */
function runs(path) {
  return existsSync(path) && spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0
}
