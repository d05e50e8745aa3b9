import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright'
import { composer, log, member, person } from '../support/browser.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

describe('the chat by keyboard', () => {
  let site: Site
  let bob: Program
  let page: Page
  let ann: Awaited<ReturnType<typeof member>>
  let count = 0

  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())
  beforeEach(async () => {
    ann = await member(site, `ann${++count}`)
    page = ann.page
    await bob.join(ann.uri)
  })
  afterEach(async () => {
    assert.deepEqual(ann.complaints, [])
    await ann.context.close()
  })

  it('edits the last own message by ArrowUp in an empty composer, and by Escape or Cancel leaves it as it is', async () => {
    await say('the first')
    await say('the last')
    await bob.post(ann.uri, 'of another')
    await message('of another').waitFor()
    await composer(page).fill('x')
    await page.keyboard.press('ArrowUp')
    await composer(page).fill('')
    for (const leave of [
      () => page.keyboard.press('Escape'),
      () => page.getByRole('link', { name: 'Cancel' }).click(),
    ]) {
      await composer(page).press('ArrowUp')
      await isFocused(newText())
      assert.equal(await page.getByRole('textbox', { name: 'New text' }).count(), 1)
      assert.equal(await newText().inputValue(), 'the last')
      await page.keyboard.type(', changed')
      await leave()
      await newText().waitFor({ state: 'detached' })
      await isFocused(linkOf('the last'))
    }
    assert.equal(await message('changed').count(), 0)
  })

  it('closes the menu by Reply and is in the composer, where Escape ends the reply', async () => {
    await bob.post(ann.uri, 'shall we?')
    await linkOf('shall we?').press('Enter')
    await page.getByRole('link', { name: 'Reply' }).press('Enter')
    await isFocused(composer(page))
    await actions().waitFor({ state: 'detached' })
    await page.getByText('Reply to bob').waitFor()
    await composer(page).press('Escape')
    await page.getByText('Reply to bob').waitFor({ state: 'detached' })
    await isFocused(composer(page))
  })

  it('is on the message’s own link after a reaction, an edit and a deletion @long', async () => {
    await say('good news')
    await linkOf('good news').press('Enter')
    await actions().getByRole('button', { name: 'party' }).press('Enter')
    await actions().waitFor({ state: 'detached' })
    await message('good news').getByText('🎉').waitFor()
    await isFocused(linkOf('good news'))

    await page.keyboard.press('Enter')
    await actions().getByText('Edit', { exact: true }).press('Enter')
    await isFocused(newText())
    await page.keyboard.type(', better')
    await page.getByRole('button', { name: 'Save' }).press('Enter')
    await message('good news, better').getByText('edited').waitFor()
    await actions().waitFor({ state: 'detached' })
    await isFocused(linkOf('good news, better'))

    await page.keyboard.press('Enter')
    await actions().getByText('Delete', { exact: true }).press('Enter')
    await page.getByRole('button', { name: 'Delete This Message' }).press('Enter')
    await page.locator('#messages .message--deleted').waitFor()
    await actions().waitFor({ state: 'detached' })
    await isFocused(page.locator('#messages .message--deleted [data-menu]'))
  })

  it('keeps an edit, its caret and the focus while somebody reacts to the message, and while another menu opens', async () => {
    await say('a draft')
    const id = (await page.locator('#messages .message--mine').last().getAttribute('id'))?.replace('message-', '')
    await composer(page).press('ArrowUp')
    await isFocused(newText())
    await page.keyboard.type(' of mine')
    await page.keyboard.press('ArrowLeft')
    await bob.call('PUT', `/api/chats/${ann.uri}/messages/${id}/reactions/${encodeURIComponent('👍')}/`)
    await message('a draft').locator('.reactions').getByText('👍').waitFor()
    assert.equal(await newText().inputValue(), 'a draft of mine')
    await isFocused(newText())
    assert.equal(await newText().evaluate(field => (field as HTMLTextAreaElement).selectionStart), 14)
    await bob.post(ann.uri, 'look here')
    await linkOf('look here').click()
    await page.getByRole('link', { name: 'Reply' }).nth(1).waitFor()
    assert.equal(await newText().inputValue(), 'a draft of mine')
    await page.getByRole('button', { name: 'Save' }).click()
    await message('a draft of mine').locator('.reactions').getByText('👍').waitFor()
  })

  it('stays on a message’s link while others react to it', async () => {
    await say('look at this')
    const id = (await page.locator('#messages .message--mine').last().getAttribute('id'))?.replace('message-', '')
    await linkOf('look at this').focus()
    await bob.call('PUT', `/api/chats/${ann.uri}/messages/${id}/reactions/${encodeURIComponent('👍')}/`)
    await message('look at this').getByText('👍').waitFor()
    await isFocused(linkOf('look at this'))
  })

  it('says that a change did not arrive, and keeps what was typed for it @long', async () => {
    await say('short')
    await composer(page).press('ArrowUp')
    await isFocused(newText())
    await page.keyboard.type(' and long')
    await page.route('**/messages/*', route => route.abort(), { times: 1 })
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').getByText('No connection').waitFor()
    assert.equal(await newText().inputValue(), 'short and long')
    await page.getByRole('button', { name: 'Save' }).click()
    await message('short and long').waitFor()
    // The console tells of the request that was cut.
    ann.complaints.length = 0
  })

  it('of a phone breaks lines by Enter, and sends by the button', async () => {
    const phone = await person(site, {
      hasTouch: true,
      isMobile: true,
      viewport: { width: 375, height: 667 },
      storageState: await ann.context.storageState(),
    })
    await phone.page.goto(ann.url)
    await composer(phone.page).pressSequentially('one')
    await phone.page.keyboard.press('Enter')
    await composer(phone.page).pressSequentially('two')
    assert.equal(await composer(phone.page).inputValue(), 'one\ntwo')
    assert.equal(await composer(phone.page).getAttribute('enterkeyhint'), 'enter')
    await phone.page.getByRole('button', { name: 'Send' }).click()
    await phone.page.locator('#messages').getByText('two').waitFor()
    await phone.context.close()
  })

  async function say(text: string) {
    await composer(page).fill(text)
    await page.keyboard.press('Enter')
    await page.locator('#messages').getByText(text, { exact: true }).waitFor()
  }

  function message(text: string): Locator {
    return log(page).getByRole('listitem').filter({ hasText: text }).last()
  }

  function linkOf(text: string): Locator {
    return message(text).locator('[data-menu]')
  }

  function actions(): Locator {
    return page.getByRole('group', { name: 'Actions on this message' })
  }

  function newText(): Locator {
    return page.getByRole('textbox', { name: 'New text' })
  }

  async function isFocused(field: Locator) {
    await until(() => field.evaluate(element => element === document.activeElement))
  }
})
