import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright'
import { composer, log, member, person } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'

const file = (name: string) => readFileSync(fileURLToPath(new URL(`../../../static/${name}`, import.meta.url)))

describe('the service worker', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  const ALLOWED = { serviceWorkers: 'allow' } as const

  /** Waits until the page goes through the worker. */
  const controlled = (page: Page) =>
    page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated')

  it('is asked for again each time, at the root', async () => {
    const { status, headers } = await fetch(`${site.url}/service-worker.js`)
    assert.equal(status, 200)
    assert.equal(headers.get('cache-control'), 'no-cache')
    assert.match(headers.get('content-type') ?? '', /^(text|application)\/javascript/)
  })

  it('shows that there is no connection, and the page again once there is one', async () => {
    const { context, page } = await member(site, 'ann', ALLOWED)
    await controlled(page)
    await context.setOffline(true)
    await page.goto('/account', { waitUntil: 'commit' })
    await page.getByRole('heading', { name: 'No connection' }).waitFor()
    assert.equal(page.url(), `${site.url}/account`)
    assert.doesNotMatch(await page.content(), /(?<![\w-])ann(?![\w-])/)
    await context.setOffline(false)
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
  })

  it('keeps the page for that, its style and its script, and nothing else', async () => {
    const { page } = await member(site, 'bob', ALLOWED)
    await controlled(page)
    await page.goto('/account')
    const kept = await page.evaluate(async () => {
      const names = await caches.keys()
      const requests = await Promise.all(names.map(async name => (await caches.open(name)).keys()))
      return requests.flat().map(({ url }) => new URL(url).pathname.replace(/-[\w-]{16}\./, '.'))
    })
    assert.deepEqual(kept, ['/offline', '/static/app.css', '/static/app.js'])
  })

  it('lets a chat be joined by its link, as without it @long', async () => {
    const cleo = await signUpProgram(site, 'cleo')
    const uri = await cleo.startChat()
    const { page } = await member(site, 'dora', ALLOWED)
    await controlled(page)
    await page.goto(`/chats/${uri}`)
    await log(page).getByText('dora joined').waitFor()
    await composer(page).fill('through the worker')
    await page.keyboard.press('Enter')
    await log(page).getByText('through the worker').waitFor()
  })

  it('goes when somebody signs out, with all that is stored @long', async () => {
    const { page } = await member(site, 'emma', ALLOWED)
    await controlled(page)
    await page.goto('/')
    await page.evaluate(async () => {
      await caches.open('from before')
    })
    await page.getByRole('button', { name: 'Sign Out' }).click()
    await page.getByRole('link', { name: 'Sign In' }).first().waitFor()
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}))
    assert.ok(!(await page.evaluate(() => caches.keys())).includes('from before'))
  })

  it('shows the notifications that a page may not, and the switch says how long there are any @long', async () => {
    const frank = await signUpProgram(site, 'frank')
    const uri = await frank.startChat()
    const { page } = await member(site, 'gus', { ...ALLOWED, uri })
    await controlled(page)
    await page.addInitScript(() => {
      window.Notification = class {
        static permission = 'granted'
        static requestPermission = async () => 'granted'
        constructor() {
          throw new TypeError('Illegal constructor')
        }
      } as unknown as typeof Notification
      ServiceWorkerRegistration.prototype.showNotification = async (title, { body = '' } = {}) => {
        document.body.dataset.told = `${title}: ${body}`
      }
      document.hasFocus = () => false
    })
    await page.goto(`/chats/${uri}?#info`)
    await page.getByText('As long as this page is open').waitFor()
    await page.getByLabel('Notifications').check()
    await frank.post(uri, 'to a phone')
    await page.locator('[data-told="frank: to a phone"]').waitFor()
    assert.equal(await page.getByLabel('Notifications').isVisible(), true)
  })

  it('goes from all browsers where the empty one stands in its place', async () => {
    let script = file('service-worker.js').toString().replace(/^/, 'const FILES = ["/"]\n')
    const server = createServer(({ url }, response) => {
      response.setHeader('Content-Type', url === '/service-worker.js' ? 'text/javascript' : 'text/html')
      response.end(url === '/service-worker.js' ? script : '<title>A page</title>')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { page } = await person({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, ALLOWED)
    const register = async () => {
      await navigator.serviceWorker.register('/service-worker.js')
    }
    await page.goto('/')
    await page.evaluate(register)
    await controlled(page)
    script = file('no-service-worker.js').toString()
    await page.goto('/')
    await page.evaluate(() => navigator.serviceWorker.ready.then(worker => worker.update()).then(() => {}))
    await page.waitForFunction(async () => (await navigator.serviceWorker.getRegistrations()).length === 0)
    await page.close()
    server.close()
    server.closeAllConnections()
  })
})
