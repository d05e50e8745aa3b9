import { launch } from 'puppeteer-core'
import { PATIENCE } from './patience.js'
import { installed, type Window } from './window.js'

const PROGRAMS = ['firefox-esr', 'firefox']

/** A Firefox of its own, controlled by WebDriver BiDi; undefined if none is installed. */
export async function openFirefox({ javaScriptEnabled = true } = {}): Promise<Window | undefined> {
  const executablePath = await installed(PROGRAMS)
  if (!executablePath) {
    return undefined
  }
  const browser = await launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    timeout: PATIENCE,
    extraPrefsFirefox: { 'javascript.enabled': javaScriptEnabled },
  })
  const page = await browser.newPage()
  page.setDefaultTimeout(PATIENCE)
  return {
    async open(url) {
      // A page with a growing frame never finishes loading: callers wait for what they expect in it.
      page.goto(url).catch(() => {})
    },
    type: (selector, text) => page.type(selector, text),
    press: key => page.keyboard.press(key),
    read: expression => page.evaluate(expression) as Promise<never>,
    close: () => browser.close(),
  }
}
