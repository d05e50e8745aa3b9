import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright'
import { PATIENCE } from './patience.js'
import type { Site } from './site.js'
import { PASSWORD, type SiteForUsers, Visitor } from './visitor.js'

/** A host whose pages are not a secure context on plain http. */
export const ELSEWHERE = 'chatire.test'

let browser: Promise<Browser> | undefined

/** One Chromium for all test files of this process. bin/test.js says where it is. */
export function openBrowser(): Promise<Browser> {
  browser ??= launch()
  return browser
}

async function launch(): Promise<Browser> {
  if (!process.env.CHROMIUM) {
    throw new Error('CHROMIUM does not say where the browser is: run the tests by npm test')
  }
  // Imported here, because that takes longer than some test files.
  const { chromium } = await import('playwright')
  const launched = await chromium.launch({
    executablePath: fileURLToPath(new URL('../../../bin/chromium.sh', import.meta.url)),
    // Browsers trust addresses of their own machine like https. A host name that leads there is treated like plain http elsewhere.
    args: [`--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`],
    timeout: PATIENCE,
  })
  // A browser that crashed fails the test that used it, but not those of later files.
  launched.on('disconnected', () => {
    browser = undefined
  })
  return launched
}

/** Closes what a file has left open, so that it does not run beside the next file. */
export async function closePages() {
  await Promise.all((await browser)?.contexts().map(context => context.close()) ?? [])
}

export async function closeBrowser() {
  await (await browser)?.close()
}

/** What Playwright says in the page where it blocks a service worker. */
const BLOCKED = 'Service Worker registration blocked by Playwright'

/**
 * A person with a browser of their own. `complaints` has the errors of the page's console. Pages have no service worker unless `options`
 * allow it: `page.route` does not see what goes through one.
 */
export async function person(site: Pick<Site, 'url'>, options: BrowserContextOptions = {}) {
  const context = await (await openBrowser()).newContext({ baseURL: site.url, serviceWorkers: 'block', ...options })
  context.setDefaultTimeout(PATIENCE)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    if ((message.type() === 'error' || message.type() === 'warning') && message.text() !== BLOCKED) {
      complaints.push(message.text())
    }
  })
  return { context, page, complaints }
}

/**
 * A user with an account and a browser of their own, in the given chat or in one that they start. The page follows its stream, so events
 * come by it from now on.
 */
export async function member(
  site: SiteForUsers,
  username: string,
  { uri, ...options }: BrowserContextOptions & { uri?: string } = {},
) {
  const { javaScriptEnabled = true } = options
  // By requests: pages and clicks take much longer, and test/browser/story.test.ts covers them.
  const visitor = await new Visitor(site).signUp(username)
  const chat = uri ?? (await visitor.startChat())
  const one = await person(site, options)
  await one.context.addCookies([...visitor.cookies].map(([name, value]) => ({ name, value, url: site.url })))
  // Without JavaScript the page of a chat never finishes loading, because its frame goes on.
  await one.page.goto(`/chats/${chat}`, { waitUntil: 'commit' })
  await log(one.page, javaScriptEnabled).getByText(`${username} joined`).waitFor()
  if (javaScriptEnabled) {
    await followsStream(one.page)
  }
  return { ...one, uri: chat, url: one.page.url() }
}

/** On the start page, on the sign-up page, or at a chat's URL, where the form is folded. */
export async function signUp(page: Page, username: string) {
  const fold = page.getByText('I have an account, or want one')
  if (await fold.isVisible()) {
    await fold.click()
  }
  const form = page.locator('form').filter({ has: page.getByRole('heading', { name: 'Sign Up' }) })
  await form.getByLabel('Username').fill(username)
  await form.getByLabel('Password').fill(PASSWORD)
  await form.getByRole('button', { name: 'Sign Up' }).click()
}

export function composer(page: Page) {
  return page.getByRole('textbox', { name: 'Message', exact: true })
}

/** Opens what is beside the messages only in a wide window: members, link, alerts, the chat's other pages. */
export async function openDetails(page: Page) {
  await page.getByRole('link', { name: 'Details' }).click()
  await page.getByRole('heading', { name: 'Details' }).waitFor()
}

/** The messages; without JavaScript they are in a frame. */
export function log(page: Page, javaScriptEnabled = true) {
  const where = javaScriptEnabled ? page : page.frameLocator('iframe[title=Messages]').frameLocator('iframe')
  return where.getByRole('log', { name: 'Messages' })
}

/** Prevents the page's stream from opening, from the next load of the page on. */
export async function withoutStream(page: Page) {
  await page.route('**/live?*', route => route.fulfill({ status: 503, body: '' }))
}

/** What the page shows when no stream has been open for a while. */
export function pausedWord(page: Page) {
  return page.locator('#live')
}

/** Waits until the page follows its stream. Its polls are slow then. */
export async function followsStream(page: Page) {
  await page.locator('.tail--slow').waitFor({ state: 'attached' })
}

/** Resolves when a message of the page shows the text. Call it before the text comes. It is faster than `waitFor`, which polls. */
export function shown(page: Page, text: string): Promise<void> {
  return page.evaluate(
    text =>
      new Promise<void>(resolve => {
        const messages = document.getElementById('messages') as HTMLElement
        const look = () => {
          if ([...messages.querySelectorAll('.message__text')].some(({ textContent }) => textContent === text)) {
            observer.disconnect()
            resolve()
          }
        }
        const observer = new MutationObserver(look)
        observer.observe(messages, { childList: true })
        look()
      }),
    text,
  )
}

/** The message's top edge in the window. */
export async function topOf(page: Page, text: string): Promise<number> {
  return log(page)
    .getByText(text, { exact: true })
    .evaluate(element => element.getBoundingClientRect().top)
}

/** Whether the whole message is in the visible part of the log. */
export async function isInView(page: Page, text: string): Promise<boolean> {
  const area = await log(page).boundingBox()
  const box = await log(page).getByText(text, { exact: true }).boundingBox()
  return area !== null && box !== null && box.y >= area.y && box.y + box.height <= area.y + area.height + 1
}
