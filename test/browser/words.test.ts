import assert from 'node:assert/strict'
import { log, member } from '../support/browser.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'

describe('a message in plain words', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('says the same in a quote and in the list of chats after a live change as from the server @long', async () => {
    const { page, uri, context } = await member(site, 'ann')
    const bob = await signUpProgram(site, 'bob')
    await bob.join(uri)
    const { id } = (await bob.post(uri, 'first')).json
    await bob.call('POST', `/api/chats/${uri}/messages/`, { message: 'an answer', reply_to: id })
    const quote = log(page).locator(`[data-quotes="${id}"] .quote__text`)
    await quote.waitFor()
    const flags = '🇩🇪'.repeat(100)
    const message = `> **quoted**\n> twice\n\n- \`a<b>\` & *c*\n- d\n\n3. three\n\n\`\`\`\nx\n y\n\`\`\`\n[here](https://example.org) ${flags}`
    await bob.call('PATCH', `/api/chats/${uri}/messages/${id}/`, { message })
    await until(async () => (await quote.textContent())?.startsWith('quoted') ?? false)
    const live = await quote.textContent()
    const words = 'quoted twice a<b> & c d 3. three x y here '
    assert.equal(live, `${words}${flags.slice(0, (120 - words.length) * '🇩🇪'.length)}…`)
    await page.reload()
    assert.equal(await quote.textContent(), live)
    await bob.post(uri, message)
    const last = page.locator('[data-chats] [aria-current] .chats__last bdi').last()
    await until(async () => (await last.textContent()) === live)
    await page.reload()
    assert.equal(await last.textContent(), live)
    await context.close()
  })

  it('is read from where its script begins, line by line, and code from the left', async () => {
    const { page, uri, context } = await member(site, 'carl')
    const dan = await signUpProgram(site, 'dan')
    await dan.join(uri)
    await dan.post(uri, 'שלום `a-b` עולם\n\nhello\n\n```\nx-y;\n```')
    const text = log(page).locator('.message__text')
    await text.getByText('hello').waitFor()
    const styles = await text.locator('p, code').evaluateAll(elements =>
      elements.map(element => {
        const { unicodeBidi, direction } = getComputedStyle(element)
        return `${element.tagName} ${unicodeBidi} ${direction}`
      }),
    )
    assert.deepEqual(styles, ['P plaintext rtl', 'CODE isolate ltr', 'P plaintext rtl', 'CODE isolate ltr'])
    await context.close()
  })
})
