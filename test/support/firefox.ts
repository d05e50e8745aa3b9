import { launch } from 'puppeteer-core'
import { PATIENCE } from './patience.js'
import { until } from './server.js'
import { installed, type Window } from './window.js'

const PROGRAMS = ['firefox-esr', 'firefox']

export interface FirefoxWindow extends Window {
  /** Clicks in the middle of an element, which may be in a frame, once it is there; `element` is an expression in the page. */
  click(element: string): Promise<void>
}

/** A Firefox of its own, controlled by WebDriver BiDi; undefined if none is installed. */
export async function openFirefox({ javaScriptEnabled = true } = {}): Promise<FirefoxWindow | undefined> {
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
    async click(element) {
      // The functions of puppeteer that click would wait for what a page without JavaScript never says. A page that comes in pieces
      // may not have the element yet, and cannot be read while it makes way for the next.
      let at: { x: number; y: number } | undefined
      await until(async () => {
        at = (await page
          .evaluate(`(() => {
          const element = ${element}
          element.scrollIntoView({ block: 'center' })
          const { left, top, width, height } = element.getBoundingClientRect()
          const at = { x: left + width / 2, y: top + height / 2 }
          for (let view = element.ownerDocument.defaultView; view.frameElement; view = view.parent) {
            const frame = view.frameElement.getBoundingClientRect()
            at.x += frame.left
            at.y += frame.top
          }
          return at
        })()`)
          .catch(() => undefined)) as typeof at
        return !!at
      })
      await page.mouse.click(at?.x ?? 0, at?.y ?? 0)
    },
    read: expression => page.evaluate(expression) as Promise<never>,
    close: () => browser.close(),
  }
}
