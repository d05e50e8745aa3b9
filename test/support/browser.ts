import type { Browser, BrowserContextOptions, Page } from 'playwright'
import { PATIENCE } from './patience.js'
import type { Site } from './site.js'
import { PASSWORD, Visitor } from './visitor.js'

/** A host whose pages are no secure context by plain http. */
export const ELSEWHERE = 'chatire.test'

let browser: Promise<Browser> | undefined

/** The one Chromium of this process, for all its files (bin/test.js says where it is). */
export function openBrowser(): Promise<Browser> {
  browser ??= launch()
  return browser
}

async function launch(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM
  if (!executablePath) {
    throw new Error('CHROMIUM does not say where the browser is: run the tests by npm test')
  }
  // Imported here, as it takes longer than some files of tests.
  const { chromium } = await import('playwright')
  const launched = await chromium.launch({
    executablePath,
    // Browsers trust their own machine's addresses as they do https; a name that leads there is as plain http elsewhere.
    args: [`--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`],
    timeout: PATIENCE,
  })
  // One that crashed fails the test that it was used in, and not those of the files after it.
  launched.on('disconnected', () => {
    browser = undefined
  })
  return launched
}

/** What a file has left open must not go on beside the next. */
export async function closePages() {
  await Promise.all((await browser)?.contexts().map(context => context.close()) ?? [])
}

export async function closeBrowser() {
  await (await browser)?.close()
}

/** A person at a browser of their own. What the page's console complains of fails the test that asks `complaints`. */
export async function person(site: Pick<Site, 'url'>, options: BrowserContextOptions = {}) {
  const context = await (await openBrowser()).newContext({ baseURL: site.url, ...options })
  context.setDefaultTimeout(PATIENCE)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') {
      complaints.push(message.text())
    }
  })
  return { context, page, complaints }
}

/**
 * Somebody with an account at a browser of their own, who is in the chat, or in one that they start. What comes there from now on comes to
 * their page by its stream.
 */
export async function member(
  site: Pick<Site, 'url'>,
  username: string,
  { uri, ...options }: BrowserContextOptions & { uri?: string } = {},
) {
  const { javaScriptEnabled = true } = options
  // By requests: pages and clicks cost far more, and test/browser/story.test.ts goes that way.
  const visitor = await new Visitor(site).signUp(username)
  const chat = uri ?? (await visitor.startChat())
  const one = await person(site, options)
  await one.context.addCookies([...visitor.cookies].map(([name, value]) => ({ name, value, url: site.url })))
  // Without JavaScript the page of a chat never ends: its frame goes on.
  await one.page.goto(`/chats/${chat}`, { waitUntil: 'commit' })
  await log(one.page, javaScriptEnabled).getByText(`${username} joined`).waitFor()
  if (javaScriptEnabled) {
    await followsStream(one.page)
  }
  return { ...one, uri: chat, url: one.page.url() }
}

/** On the start page, the page for signing up, or at a chat's URL, where the form is folded away. */
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

/** The messages; without JavaScript they are in a frame. */
export function log(page: Page, javaScriptEnabled = true) {
  const where = javaScriptEnabled ? page : page.frameLocator('iframe[title=Messages]').frameLocator('iframe')
  return where.getByRole('log', { name: 'Messages' })
}

/** Keeps the page's stream from opening, from the next time that the page is loaded. */
export async function withoutStream(page: Page) {
  await page.route('**/live?*', route => route.fulfill({ status: 503, body: '' }))
}

/** The page's own word for it that no stream has been open for a while. */
export function pausedWord(page: Page) {
  return page.locator('#live')
}

/** Waits until the page follows its stream, which slows its polls. */
export async function followsStream(page: Page) {
  await page.locator('.tail--slow').waitFor({ state: 'attached' })
}

/** Resolves when the text stands among the page's own messages; to be called before it comes. Sooner than `waitFor`, which looks from time to time. */
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

/** Where the message begins in the window. */
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
