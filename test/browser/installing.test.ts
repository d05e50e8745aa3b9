import assert from 'node:assert/strict'
import { person } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'

describe('installing', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('is offered by a browser, which finds nothing missing', async () => {
    const { context, page, complaints } = await person(site)
    await page.goto('/')
    const devtools = await context.newCDPSession(page)
    const { errors, data = '{}' } = await devtools.send('Page.getAppManifest')
    assert.deepEqual(errors, [])
    assert.equal(JSON.parse(data).name, 'Chatire')
    const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors')
    // The browsers of tests keep nothing.
    assert.deepEqual(
      installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito'),
      [],
    )
    assert.deepEqual(complaints, [])
  })

  it('has icons of the sizes that are named, and one for the home screens of iOS', async () => {
    const { page } = await person(site)
    await page.goto('/')
    const path = (rel: string) => page.locator(`link[rel=${rel}]`).getAttribute('href')
    const manifest = await (await page.request.get((await path('manifest')) ?? '')).json()
    const icons = [
      ...manifest.icons.filter(({ type }: { type: string }) => type === 'image/png'),
      { src: await path('apple-touch-icon'), sizes: '180x180' },
    ]
    assert.deepEqual(
      icons.map(({ sizes }) => sizes),
      ['192x192', '512x512', '512x512', '180x180'],
    )
    for (const { src, sizes } of icons) {
      const answer = await page.request.get(src)
      assert.equal(answer.headers()['content-type'], 'image/png')
      const picture = await answer.body()
      assert.equal(`${picture.readUInt32BE(16)}x${picture.readUInt32BE(20)}`, sizes)
    }
  })
})
