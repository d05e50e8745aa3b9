import type pg from 'pg'
import type { BrowserContext, Locator, Page, Route } from 'playwright'
import { createReset } from '../../src/db/resets.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { composer, log, openDetails, person } from './browser.js'
import { withClockStopped } from './clock.js'
import { fillWithMembers } from './crowd.js'
import { letGo } from './locks.js'
import { openSite, type Site } from './site.js'
import { PASSWORD, Visitor } from './visitor.js'

type Actor = 'owner' | 'guest' | 'newcomer' | 'visitor' | 'hasty'

/** A page of the program in one of its states. */
export interface Scene {
  name: string
  /** Whose window it is in. */
  who: Actor
  path: string
  /** What people see most, which is looked at in more widths. */
  isMain?: true
  /** Another site leads there. */
  isLinked?: true
  /** What happens before the page loads. */
  prepare?: (page: Page) => Promise<unknown>
  /** What happens on the page. */
  act?: (page: Page) => Promise<unknown>
}

/** All pages and states, and the windows to see them in, each with the cookies of its actor. */
export interface Scenes {
  scenes: readonly Scene[]
  /** A window of the scene's actor that shows it. Close its context. */
  show(scene: Scene, options?: Parameters<typeof person>[1]): Promise<Awaited<ReturnType<typeof person>>>
  /** The page of the scene as the server sends it, before anything happens on it. */
  html(scene: Scene): Promise<string>
  /** Ends what the scenes have opened beside the site. */
  close(): Promise<void>
}

const ELSEWHERE = 'https://elsewhere.example/'

const LONG_NAME = 'W'.repeat(50)
const LONG_TITLE = 'M'.repeat(100)
const SCRIPT = `A small script for splitting the costs:

\`\`\`
const total = costs.reduce((sum, c) => sum + c.amount, 0)
for (const p of people)
  console.log(p.name, (total / people.length - p.paid).toFixed(2))
\`\`\`

Run it with \`node split.js\``

/** So long that a chat folds it. */
const MINUTES = Array.from(
  { length: 24 },
  (_, index) => `${index + 1}. We spoke about the garden, and who waters it in week ${index + 1} of the summer.`,
).join('\n')

/** Fills a site with people and chats as they are in life, and with the longest that there can be. */
export async function openScenes(site: Site): Promise<Scenes> {
  const owner = await new Visitor(site).signUp('ann')
  const bob = await new Visitor(site).signUp('bob')
  const newcomer = await new Visitor(site).signUp('nour')
  const visitor = new Visitor(site)
  const chat = await started(owner, 'Weekend in Lisbon')
  const say = async (who: Visitor, message: string, reply_to?: number) =>
    who.post(`/chats/${chat}/messages`, { message, ...(reply_to ? { reply_to: String(reply_to) } : {}) })
  await say(owner, 'Hi all! Here is where we plan the trip.')
  await say(owner, 'Dates: **12–15 June**. Who is in?')
  await bob.get(`/chats/${chat}`)
  await say(bob, 'I am in 🎉')
  await say(bob, 'Flights from Berlin are about 140 € right now')
  const guest = new Visitor(site)
  await guest.get(`/chats/${chat}`)
  await guest.post(`/chats/${chat}/guests`, { name: LONG_NAME })
  await say(guest, 'مرحبا! هل يمكننا الذهاب إلى الشاطئ أيضاً؟')
  const { id } = await newest(site)
  await say(owner, 'Of course. Cascais is 40 minutes by train, and the line runs along the sea.', id)
  const react = (who: Visitor, message: number, emoji: string) =>
    who.post(`/chats/${chat}/messages/${message}/reactions`, { emoji })
  await react(bob, id + 1, '❤️')
  await react(guest, id + 1, '👍')
  await say(guest, SCRIPT)
  await say(guest, `https://example.com/${'x'.repeat(400)}`)
  await say(guest, 'y'.repeat(1000))
  await say(bob, '😂🎉')
  await say(bob, '@ann can you book the flat? https://example.com/flats/alfama-3-bedrooms?guests=5&from=2026-06-12')
  await say(bob, 'never mind')
  const last = await newest(site)
  await bob.post(`/chats/${chat}/messages/${last.id}/deletion`)
  await say(owner, 'Booked it!')
  await say(owner, '5 beds, a terrace and a veiw of the river.')
  const mine = await newest(site)
  await owner.post(`/chats/${chat}/messages/${mine.id}`, { message: '5 beds, a terrace and a view of the river.' })
  await say(bob, 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft')

  const empty = await started(owner, '')
  const long = await started(owner, LONG_TITLE)
  const short = await started(bob, 'x')
  const readOnly = await started(owner, 'Announcements')
  await owner.post(`/chats/${readOnly}/messages`, { message: 'The library is closed on Monday.' })
  const automatic = await owner.startChat()
  for (const name of ['deploy', LONG_NAME]) {
    const { json } = await owner.send('POST', `/api/chats/${automatic}/bots/`, JSON.stringify({ name }), {
      'content-type': 'application/json',
      'x-csrf-token': owner.csrf,
    })
    await fetch(json.hook_url, { method: 'POST', body: 'v2.1 is live: https://example.org/releases' })
  }
  await owner.post(`/chats/${readOnly}/settings`, { title: 'Announcements', read_only: 'true', guests: 'true' })
  const closed = await started(owner, 'Closed')
  await owner.post(`/chats/${closed}/settings`, { title: 'Closed', joins_closed: 'true', guests: 'true' })
  const crowd = await started(owner, 'Everybody')
  await fillWithMembers(site, crowd, 500)
  await owner.get(`/chats/${short}`)
  for (let count = 0; count < 60; count++) {
    await bob.post(`/chats/${short}/messages`, { message: `News ${count}` })
  }
  await bob.post(`/chats/${short}/messages`, { message: '@ann have a look' })

  const report = await started(owner, 'Minutes')
  await bob.get(`/chats/${report}`)
  await bob.post(`/chats/${report}/messages`, { message: 'Here are the minutes of last week.' })
  await bob.post(`/chats/${report}/messages`, { message: MINUTES })
  await owner.post(`/chats/${report}/messages`, { message: MINUTES })

  const reset = randomKey(32)
  const { rows } = await site.pool.query("select id::int from users where username = 'nour'")
  await createReset(site.db, rows[0].id, keyHash(reset))
  const removeNewcomer = () => bob.post(`/chats/${short}/members/${rows[0].id}/removal`)

  let holder: pg.PoolClient
  const holdChats = async () => {
    holder = await site.pool.connect()
    await holder.query('begin')
    await holder.query('lock table chats')
  }
  const letChatsGo = () => letGo(holder)

  const limited = await openSite({ LIMITS: 'on' }, site)
  const hasty = new Visitor(limited)
  const party = await started(owner, 'Party')
  await hasty.get(`/chats/${party}`)
  await hasty.post(`/chats/${party}/guests`, { name: 'Hasty' })
  /** What the page sends comes right behind so much else that it is too much. */
  const hurry = (page: Page) =>
    holdBack(page, '**/messages', route =>
      withClockStopped(async () => {
        for (
          let count = 1;
          (await hasty.post(`/chats/${party}/messages`, { message: `Hello? ${count}` })).status !== 429;
        ) {
          count++
        }
        await route.fulfill({ response: await route.fetch() })
      }),
    )
  while ((await hasty.post('/chats')).status !== 429) {
    // A guest may start few chats.
  }

  /** Fails for a reason that is nobody's but the program's. */
  const breakDown = async (page: Page) => {
    await site.pool.query(`
      create function fail() returns trigger language plpgsql as $$ begin raise exception 'made by a test'; end $$;
      create trigger fail before update on chats for each row execute function fail()`)
    await submit(page.getByLabel('Title'))
    await page.getByRole('alert').waitFor()
    await site.pool.query('drop function fail cascade')
  }

  const actors = { owner, guest, newcomer, visitor, hasty }
  const uri = `/chats/${chat}`
  const scenes: Scene[] = [
    { name: 'entrance', who: 'visitor', path: '/', isMain: true },
    { name: 'start', who: 'owner', path: '/', isMain: true },
    { name: 'start-empty', who: 'newcomer', path: '/' },
    { name: 'start-guest', who: 'guest', path: '/' },
    { name: 'chat', who: 'owner', path: uri, isMain: true },
    { name: 'chat-guest', who: 'guest', path: uri },
    { name: 'chat-unread', who: 'owner', path: `/chats/${short}`, prepare: page => holdBack(page, '**/read') },
    { name: 'chat-long-title', who: 'owner', path: `/chats/${long}` },
    { name: 'chat-empty', who: 'owner', path: `/chats/${empty}` },
    { name: 'chat-read-only', who: 'owner', path: `/chats/${readOnly}` },
    { name: 'chat-crowd', who: 'owner', path: `/chats/${crowd}`, act: showDetails },
    { name: 'chat-past', who: 'owner', path: `${uri}?before=${id}` },
    { name: 'chat-details', who: 'owner', path: uri, act: showDetails },
    { name: 'chat-muted', who: 'owner', path: uri, act: muteChat },
    { name: 'chat-menu', who: 'owner', path: uri, act: openMenu },
    { name: 'chat-edit', who: 'owner', path: uri, act: openEdit },
    { name: 'chat-reply', who: 'owner', path: `${uri}?reply=${id}` },
    { name: 'chat-folded', who: 'owner', path: `/chats/${report}` },
    { name: 'chat-names', who: 'owner', path: uri, act: page => suggest(page, 'Thank you @') },
    { name: 'chat-emoji', who: 'guest', path: uri, act: page => suggest(page, 'Good night :st') },
    { name: 'chat-up', who: 'owner', path: uri, act: page => scrollUp(page) },
    { name: 'chat-news', who: 'owner', path: uri, act: page => scrollUp(page, () => say(bob, 'Something new')) },
    { name: 'chat-pending', who: 'owner', path: uri, act: page => send(page, () => new Promise(() => {})) },
    { name: 'chat-offline', who: 'owner', path: uri, act: page => send(page, route => route.abort()) },
    { name: 'chat-refused', who: 'owner', path: uri, act: page => send(page, undefined, 'x'.repeat(2001)) },
    { name: 'chat-hasty', who: 'hasty', path: `${limited.url}/chats/${party}`, prepare: hurry, act: beRefused },
    {
      name: 'chat-hasty-by-form',
      who: 'hasty',
      path: `${limited.url}/chats/${party}`,
      prepare: hurry,
      act: postByForm,
    },
    { name: 'chat-paused', who: 'owner', path: uri, prepare: page => page.route('**/live?*', refuse), act: paused },
    { name: 'chat-failed', who: 'owner', path: uri, act: leaveBehind },
    { name: 'chat-lost', who: 'owner', path: uri, act: page => lose(page, () => page.context().setOffline(true)) },
    { name: 'chat-signed-out', who: 'owner', path: uri, act: page => lose(page, () => page.context().clearCookies()) },
    { name: 'chat-older', who: 'owner', path: `/chats/${short}`, prepare: holdOlder, act: askForOlder },
    { name: 'chat-removed', who: 'newcomer', path: `/chats/${short}`, act: page => remove(page, removeNewcomer) },
    { name: 'invitation', who: 'visitor', path: uri, isMain: true },
    { name: 'join', who: 'newcomer', path: uri, isLinked: true },
    { name: 'invite', who: 'owner', path: `${uri}/invite` },
    { name: 'members', who: 'owner', path: `${uri}/members` },
    { name: 'members-crowd', who: 'owner', path: `/chats/${crowd}/members` },
    { name: 'members-other', who: 'guest', path: `${uri}/members` },
    { name: 'settings', who: 'owner', path: `${uri}/settings`, isMain: true },
    { name: 'settings-bots', who: 'owner', path: `/chats/${automatic}/settings` },
    { name: 'settings-bot-made', who: 'owner', path: `/chats/${automatic}/settings`, act: makeBot },
    { name: 'chat-bots', who: 'owner', path: `/chats/${automatic}` },
    { name: 'members-bots', who: 'owner', path: `/chats/${automatic}/members` },
    { name: 'settings-long', who: 'owner', path: `/chats/${long}/settings` },
    { name: 'settings-refused', who: 'owner', path: `${uri}/settings`, act: deleteWrongly },
    { name: 'exports', who: 'owner', path: `${uri}/exports` },
    { name: 'imports', who: 'owner', path: '/imports' },
    { name: 'bans', who: 'owner', path: `${uri}/bans` },
    { name: 'search', who: 'owner', path: `${uri}/search?q=flat` },
    { name: 'search-none', who: 'owner', path: `${uri}/search?q=zebra` },
    { name: 'search-all', who: 'owner', path: '/search?q=flights' },
    { name: 'permalink', who: 'owner', path: `${uri}/messages/${id}` },
    { name: 'account', who: 'owner', path: '/account' },
    { name: 'account-guest', who: 'guest', path: '/account' },
    { name: 'account-refused', who: 'owner', path: '/account', act: changeWrongly },
    { name: 'sign-out-guest', who: 'guest', path: '/logout' },
    { name: 'sign-in', who: 'visitor', path: '/login' },
    { name: 'sign-in-refused', who: 'visitor', path: '/login', act: signInWrongly },
    { name: 'sign-up', who: 'visitor', path: '/signup' },
    { name: 'sign-up-refused', who: 'visitor', path: '/signup', act: signUpWrongly },
    { name: 'help', who: 'visitor', path: '/help' },
    { name: 'api', who: 'visitor', path: '/api/' },
    { name: 'no-connection', who: 'visitor', path: '/offline' },
    { name: 'preferences', who: 'visitor', path: '/preferences' },
    { name: 'reset', who: 'visitor', path: `/reset/${reset}` },
    { name: 'error-404', who: 'owner', path: '/chats/nothing-here' },
    { name: 'error-closed', who: 'newcomer', path: `/chats/${closed}` },
    { name: 'error-busy', who: 'owner', path: `${uri}/settings`, prepare: holdChats, act: letChatsGo },
    { name: 'error-429', who: 'hasty', path: limited.url, act: startOneMore },
    { name: 'error-500', who: 'owner', path: `${uri}/settings`, act: breakDown },
  ]

  async function show(scene: Scene, options: Parameters<typeof person>[1] = {}) {
    const one = await person(site, options)
    await addCookies(one.context, actors[scene.who], site)
    await scene.prepare?.(one.page)
    if (scene.isLinked) {
      await one.page.route(ELSEWHERE, route =>
        route.fulfill({ contentType: 'text/html', body: `<a href="${site.url}${scene.path}">Come in</a>` }),
      )
      await one.page.goto(ELSEWHERE)
      await one.page.getByRole('link').click()
      await one.page.waitForURL(scene.path)
    } else {
      await one.page.goto(scene.path)
    }
    await scene.act?.(one.page)
    return one
  }

  const html = async ({ who, path, isLinked }: Scene) =>
    (await actors[who].get(path, isLinked ? { 'sec-fetch-site': 'cross-site' } : {})).text

  return { scenes, show, html, close: () => limited.close() }
}

async function started(who: Visitor, title: string): Promise<string> {
  await who.get('/')
  const uri = await who.startChat()
  await who.post(`/chats/${uri}/settings`, { title, guests: 'true' })
  return uri
}

async function newest(site: Site): Promise<{ id: number }> {
  const { rows } = await site.pool.query("select max(version)::int as id from events where kind = 'message'")
  return rows[0]
}

async function addCookies(context: BrowserContext, who: Visitor, site: Site) {
  await context.addCookies([...who.cookies].map(([name, value]) => ({ name, value, url: site.url })))
}

const refuse = (route: Route) => route.fulfill({ status: 503, body: '' })

/** Posts there get no answer, so that what is seen now stays as it is: all of them, or those behind the first. */
async function holdBack(page: Page, url: string, first?: (route: Route) => Promise<void>) {
  let count = 0
  await page.route(url, async route => {
    if (route.request().method() !== 'POST') {
      await route.continue()
    } else if (count++ === 0) {
      await first?.(route)
    }
  })
}

async function showDetails(page: Page) {
  if (await page.getByRole('link', { name: 'Details' }).isVisible()) {
    await openDetails(page)
  }
}

async function openMenu(page: Page) {
  await page
    .getByRole('link', { name: /^Actions, ann/ })
    .last()
    .focus()
  await page.keyboard.press('Enter')
  await page.getByRole('group', { name: 'Actions on this message' }).waitFor()
}

async function openEdit(page: Page) {
  await openMenu(page)
  await page.getByText('Edit', { exact: true }).click()
  await page.getByRole('textbox', { name: 'New text' }).waitFor()
}

async function muteChat(page: Page) {
  await showDetails(page)
  await page.getByLabel('Mute this chat').check()
}

/** Types what is answered by a list above the composer. */
async function suggest(page: Page, text: string) {
  await composer(page).pressSequentially(text)
  await page.getByRole('option').first().waitFor()
}

async function scrollUp(page: Page, meanwhile?: () => Promise<unknown>) {
  await log(page).evaluate(element => {
    element.scrollTop = -400
  })
  await page.getByRole('button', { name: 'Newest messages' }).waitFor()
  if (meanwhile) {
    await meanwhile()
    await page.getByRole('button', { name: 'New message' }).waitFor()
  }
}

async function send(page: Page, answer?: (route: Route) => unknown, text = 'See you at the airport!') {
  if (answer) {
    await page.route('**/messages', route => (route.request().method() === 'POST' ? answer(route) : route.continue()))
  }
  await composer(page).fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
  await page.locator('.message--pending, .alert__sentence').first().waitFor()
}

async function beRefused(page: Page) {
  await composer(page).fill('Is anybody here?')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.locator('.alert__sentence').waitFor()
}

async function postByForm(page: Page) {
  await composer(page).fill('Is anybody here?')
  await submit(composer(page))
  await page.locator('.alert__sentence').waitFor()
}

async function startOneMore(page: Page) {
  await page.getByRole('main').getByRole('button', { name: 'Start Chatting' }).click()
  await page.getByRole('heading', { name: 'One moment' }).waitFor()
}

/** Sends the form of the field without the page's script. */
async function submit(field: Locator) {
  await field.evaluate((element: HTMLInputElement) => element.form?.submit())
}

/** A message that has waited for so long that it does not go by itself. */
async function leaveBehind(page: Page) {
  await page.evaluate(() => {
    const form = document.querySelector<HTMLElement>('[data-composer]')
    const at = Date.now() - 7_200_000
    const name = `waits of ${form?.dataset.composer} in ${form?.getAttribute('action')} at ${at} key-of-two-hours-ago`
    const message = { key: 'key-of-two-hours-ago', text: 'I am on my way, see you at eight.', at }
    localStorage.setItem(name, JSON.stringify(message))
  })
  await page.reload()
  await page.getByRole('button', { name: 'Not sent. Try again' }).waitFor()
}

/** What the page says when its next poll fails, which is at once. */
async function lose(page: Page, how: () => Promise<unknown>) {
  await composer(page).fill('Half a sentence')
  await how()
  await page.evaluate(() => dispatchEvent(new Event('online')))
  await page.locator('.alert__sentence').waitFor()
}

const holdOlder = (page: Page) => page.route('**/messages?before=*', () => {})

async function askForOlder(page: Page) {
  await page.getByRole('link', { name: 'Older messages' }).click()
  await page.locator('[aria-busy=true]').waitFor()
}

async function remove(page: Page, removal: () => Promise<unknown>) {
  await composer(page).fill('What I wanted to say is')
  await removal()
  await page.getByRole('heading', { name: 'You were removed from' }).waitFor()
}

async function paused(page: Page) {
  await page.locator('#live').waitFor({ state: 'visible' })
}

async function refused(page: Page) {
  await page.locator('.field__error, .form__error, .alert__sentence').first().waitFor()
}

async function deleteWrongly(page: Page) {
  await page.getByLabel('Name of this chat').fill('something else')
  await page.getByRole('button', { name: 'Delete' }).click()
  await refused(page)
}

async function changeWrongly(page: Page) {
  await page.getByLabel('Current password').fill('wrong')
  await page.getByLabel('New password').fill('12345678')
  await page.getByRole('button', { name: 'Change Password' }).click()
  await refused(page)
}

async function signInWrongly(page: Page) {
  await page.getByLabel('Username').fill('ann')
  await page.getByLabel('Password').fill('not the password')
  await page.locator('main').getByRole('button', { name: 'Sign In' }).click()
  await refused(page)
}

async function makeBot(page: Page) {
  await page.getByLabel('Name of a new bot').fill('nightly')
  await page.getByRole('button', { name: 'Make a Bot' }).click()
  await page.locator('#made-token').waitFor()
}

async function signUpWrongly(page: Page) {
  await page.getByLabel('Username').fill('ann')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.locator('main').getByRole('button', { name: 'Sign Up' }).click()
  await refused(page)
}
