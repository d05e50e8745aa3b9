import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, followsStream, log } from '../support/browser.js'
import { until } from '../support/server.js'
import { readersOfBob } from '../support/story.js'

describe('what tells of the others, in browsers', () => {
  const story = readersOfBob()

  describe('“is typing”', () => {
    it('stands above the composer at the other side, moves nothing, and goes when the message comes', async () => {
      const [ann, carl] = [await enter(), await enter()]
      const line = carl.page.getByText(/is typing…/)
      const height = async () => (await log(carl.page).boundingBox())?.height
      const before = await height()
      await composer(ann.page).pressSequentially('hello')
      await carl.page.getByText(`${ann.name} is typing…`).waitFor()
      assert.equal(await height(), before)
      assert.equal(await ann.page.getByText(/is typing…/).count(), 0)
      await ann.page.keyboard.press('Enter')
      await log(carl.page).getByText('hello', { exact: true }).waitFor()
      assert.equal(await line.count(), 0)
      assert.deepEqual([...ann.complaints, ...carl.complaints], [])
    })

    it('goes by itself after 6 s, and says names as text', async () => {
      const { page } = await enter()
      await page.clock.install()
      // By the page's own clock, when the line came and when it went.
      await page.evaluate(() => {
        const changes: number[] = []
        Object.assign(window, { changes })
        new MutationObserver(() => {
          if (document.body.innerText.includes('bob is typing…') !== (changes.length === 1)) {
            changes.push(Date.now())
          }
        }).observe(document.body, { attributes: true, childList: true, subtree: true })
      })
      const changes = () => page.evaluate(() => (window as unknown as { changes: number[] }).changes)
      await story.bob.call('POST', `/api/chats/${story.uri}/typing/`, {})
      await until(async () => (await changes()).length > 0)
      await page.clock.runFor(6_500)
      assert.equal(await page.getByText('bob is typing…').count(), 0)
      const [came = 0, went = 0] = await changes()
      assert.ok(went - came > 5000, `${went - came} ms`)
    })

    it('is told at most every 3 s @long', async () => {
      const { page } = await enter()
      let told = 0
      page.on('request', request => {
        told += request.url().endsWith('/typing') ? 1 : 0
      })
      const begun = Date.now()
      await composer(page).pressSequentially('many letters one after the other', { delay: 20 })
      await until(() => told >= 1)
      assert.ok(told <= (Date.now() - begun) / 3000 + 1, `${told}`)
    })
  })

  describe('a notification', () => {
    it('is shown where it was asked for, with who and what, while the page is not in front, and is remembered', async () => {
      const { page, context, name } = await enter()
      await context.grantPermissions(['notifications'])
      await recordNotifications(page)
      await page.reload()
      await followsStream(page)
      await behind(page)
      await story.bob.post(story.uri, 'not asked for')
      await log(page).getByText('not asked for').waitFor()
      assert.deepEqual(await shown(page), [])
      await page.getByLabel('Notifications').check()

      await page.reload()
      await followsStream(page)
      assert.equal(await page.getByLabel('Notifications').isChecked(), true)
      await story.bob.post(story.uri, 'in front')
      await log(page).getByText('in front').waitFor()
      assert.deepEqual(await shown(page), [])
      await behind(page)
      await composer(page).fill('one’s own')
      await page.keyboard.press('Enter')
      await log(page).getByText('one’s own').waitFor()
      await story.bob.post(story.uri, `<b>behind</b> ${'x'.repeat(200)}`)
      await log(page).getByText('behind').waitFor()
      const [first, ...more] = await shown(page)
      assert.deepEqual(more, [], `${name} is told of others alone`)
      assert.equal(first?.title, 'bob')
      assert.equal(first?.body, `<b>behind</b> ${'x'.repeat(106)}…`)
    })

    it('says that a bot wrote @long', async () => {
      const page = await enterAndLeave()
      const { json: bot } = await story.bob.call('POST', `/api/chats/${story.uri}/bots/`, { name: 'deploy' })
      await fetch(bot.hook_url, { method: 'POST', body: 'v2.1 is live' })
      await log(page).getByText('v2.1 is live').waitFor()
      assert.deepEqual(
        (await shown(page)).map(({ title, body }) => `${title}: ${body}`),
        ['deploy (bot): v2.1 is live'],
      )
    })

    it('focuses the page when it is clicked, and closes @long', async () => {
      const page = await enterAndLeave()
      await story.bob.post(story.uri, 'click me')
      await page.waitForFunction(() => (window as unknown as Recorded).shown.length === 1)
      assert.deepEqual(
        await page.evaluate(() => {
          const { notifications, calls } = window as unknown as Recorded
          notifications[0]?.onclick()
          return calls
        }),
        ['focus', 'close'],
      )
    })

    it('cannot be had against the browser’s will: the page says so', async () => {
      const { page } = await enter()
      await page.evaluate(() => {
        Notification.requestPermission = async () => 'denied'
      })
      await page.getByLabel('Notifications').click()
      await page.getByRole('alert').getByText('Your browser does not allow notifications').waitFor()
      assert.equal(await page.getByLabel('Notifications').isChecked(), false)
    })
  })

  it('a sound is made where it was asked for, while the page is not in front, and is remembered @long', async () => {
    const { page, complaints } = await enter()
    await page.addInitScript(() => {
      const recorded = window as unknown as { tones: number }
      recorded.tones = 0
      const { start } = OscillatorNode.prototype
      OscillatorNode.prototype.start = function (...args) {
        recorded.tones++
        return start.apply(this, args)
      }
    })
    const tones = () => page.evaluate(() => (window as unknown as { tones: number }).tones)
    await page.reload()
    await followsStream(page)
    await page.getByLabel('Sound').check()
    assert.equal(await tones(), 1, 'how it sounds')
    await page.reload()
    await followsStream(page)
    assert.equal(await page.getByLabel('Sound').isChecked(), true)
    await composer(page).press('a')
    await story.bob.post(story.uri, 'in front')
    await log(page).getByText('in front').waitFor()
    assert.equal(await tones(), 0)
    await behind(page)
    await story.bob.post(story.uri, 'behind')
    await log(page).getByText('behind').waitFor()
    assert.equal(await tones(), 1)
    assert.deepEqual(complaints, [])
  })

  it('makes no sound and no notification in a muted chat, for mentions neither, and the list marks it @long', async () => {
    const { page, context, name } = await enter()
    await context.grantPermissions(['notifications'])
    await recordNotifications(page)
    await page.reload()
    await followsStream(page)
    await page.getByLabel('Notifications').check()
    await page.getByLabel('Mute this chat').check()
    const row = page.locator('[data-chats] li').filter({ hasText: 'Muted: ' })
    await row.waitFor()
    await page.reload()
    await followsStream(page)
    await row.waitFor()
    assert.equal(await page.getByLabel('Mute this chat').isChecked(), true)
    await behind(page)
    await story.bob.post(story.uri, `@${name} are you there?`)
    await log(page).getByText('are you there?').waitFor()
    assert.deepEqual(await shown(page), [])
    await page.getByLabel('Mute this chat').uncheck()
    await until(async () => (await row.count()) === 0)
    await story.bob.post(story.uri, `@${name} and now?`)
    await log(page).getByText('and now?').waitFor()
    assert.deepEqual(
      (await shown(page)).map(({ body }) => body),
      [`@${name} and now?`],
    )
  })

  it('has no switches without JavaScript', async () => {
    const { page } = await enter({ javaScriptEnabled: false })
    await composer(page).waitFor()
    assert.equal(await page.getByLabel('Sound').isVisible(), false)
    assert.equal(await page.getByLabel('Notifications').isVisible(), false)
  })

  const enter = (options = {}) => story.reader({ viewport: WIDE, ...options })

  /** The page of somebody who has asked for notifications and looks elsewhere. */
  async function enterAndLeave() {
    const { page, context } = await enter()
    await context.grantPermissions(['notifications'])
    await recordNotifications(page)
    await page.reload()
    await followsStream(page)
    await page.getByLabel('Notifications').check()
    await behind(page)
    return page
  }
})

/** The details are in view all the time. */
const WIDE = { width: 1500, height: 900 }

interface Recorded {
  shown: { title: string; body: string }[]
  notifications: { onclick(): void }[]
  calls: string[]
}

const shown = (page: Page) => page.evaluate(() => (window as unknown as Recorded).shown)

/** The window stays in view but another has the keyboard: headless browsers give it to all. */
async function behind(page: Page) {
  await page.evaluate(() => {
    document.hasFocus = () => false
  })
}

/** The browser's own notifications, written down. */
async function recordNotifications(page: Page) {
  await page.addInitScript(() => {
    const recorded = window as unknown as Recorded
    Object.assign(recorded, { shown: [], notifications: [], calls: [] })
    const focus = window.focus.bind(window)
    window.focus = () => {
      recorded.calls.push('focus')
      focus()
    }
    window.Notification = class {
      static permission = 'granted'
      static requestPermission = async () => 'granted'
      constructor(title: string, { body = '' }: NotificationOptions) {
        recorded.shown.push({ title, body })
        recorded.notifications.push(this as unknown as { onclick(): void })
      }
      close() {
        recorded.calls.push('close')
      }
    } as unknown as typeof Notification
  })
}
