import assert from 'node:assert/strict'
import type { Locator } from 'playwright'
import { log } from '../support/browser.js'
import { until } from '../support/server.js'
import { readersOfBob } from '../support/story.js'

const LINES = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`)

describe('a long message', () => {
  const story = readersOfBob()

  for (const javaScriptEnabled of [true, false]) {
    it(`is folded and unfolds, ${javaScriptEnabled ? 'and stays where it is on the screen' : 'without JavaScript too'}`, async () => {
      await story.bob.post(story.uri, 'short')
      await story.bob.post(story.uri, LINES.join('\n'))
      await story.bob.post(story.uri, 'word '.repeat(300))
      const { page, complaints } = await story.reader({ javaScriptEnabled })
      const messages = log(page, javaScriptEnabled)
      const text = messages.locator('.message__text', { hasText: 'line 1' })
      const folds = messages.getByText('Show more')
      assert.equal(await folds.count(), 2)
      assert.ok((await heightOf(text)) < 220)
      // All of it is there, to be found and copied.
      assert.ok((await text.innerText()).endsWith('line 30'))
      const top = await topOf(text)
      await folds.first().click()
      await until(async () => (await heightOf(text)) > 500)
      if (javaScriptEnabled) {
        await until(async () => Math.abs((await topOf(text)) - top) < 2)
      }
      await messages.locator('.message__more').first().locator('summary').click()
      await until(async () => (await heightOf(text)) < 220)
      assert.deepEqual(complaints, [])
    })
  }

  it('is unfolded where a link leads to it or the keyboard into it, on its own page, and for a printer @long', async () => {
    const { id } = (await story.bob.post(story.uri, `${LINES.join('\n')}\nhttps://example.org/last`)).json
    await story.bob.post(story.uri, 'after it')
    const { page } = await story.reader()
    const text = log(page).locator('.message__text', { hasText: 'line 1' })
    assert.ok((await heightOf(text)) < 220)
    await text.getByRole('link').focus()
    assert.ok((await heightOf(text)) > 500)
    await text.getByRole('link').blur()
    assert.ok((await heightOf(text)) < 220)
    await page.emulateMedia({ media: 'print' })
    assert.ok((await heightOf(text)) > 500)
    await page.emulateMedia({ media: 'screen' })
    await page.goto(`/chats/${story.uri}?from=${id}#message-${id}`)
    await until(async () => (await heightOf(text)) > 500)
    assert.equal(await page.getByText('Show more').isVisible(), false)
    await page.goto(`/chats/${story.uri}/messages/${id}`)
    assert.ok((await heightOf(page.locator('.message__text', { hasText: 'line 1' }))) > 500)
    assert.equal(await page.getByText('Show more').isVisible(), false)
  })

  it('stays unfolded when it changes @long', async () => {
    const { id } = (await story.bob.post(story.uri, LINES.join('\n'))).json
    const { page } = await story.reader()
    const text = log(page).locator('.message__text', { hasText: 'line 1' })
    await log(page).getByText('Show more').click()
    await until(async () => (await heightOf(text)) > 500)
    await story.bob.call('PUT', `/api/chats/${story.uri}/messages/${id}/reactions/${encodeURIComponent('👍')}/`)
    await log(page).getByRole('list', { name: 'Reactions' }).waitFor()
    assert.ok((await heightOf(text)) > 500)
  })

  it('is one of more than 20 lines or 1,200 characters', async () => {
    const cases: [string, boolean][] = [
      [LINES.slice(0, 20).join('\n'), false],
      [LINES.slice(0, 21).join('\n'), true],
      ['x'.repeat(1200), false],
      ['x'.repeat(1201), true],
    ]
    for (const [text] of cases) {
      await story.bob.post(story.uri, text)
    }
    const { page } = await story.reader()
    const folds = await log(page)
      .locator('.message')
      .evaluateAll(items => items.map(item => item.querySelector('.message__more') !== null))
    assert.deepEqual(
      folds,
      cases.map(([, folded]) => folded),
    )
  })
})

async function heightOf(text: Locator) {
  return (await text.boundingBox())?.height ?? 0
}

async function topOf(text: Locator) {
  return (await text.boundingBox())?.y ?? 0
}
