// Comforts on top of pages that work without them. Each module is one behaviour, and finds its elements by a data- attribute.
import { keepChats, showNewest } from './chats.ts'
import { type ComposerForm, sendInPlace } from './composer.ts'
import { mendAddress, quietOlder, tellTrouble } from './connection.ts'
import { refreshHeader } from './header.ts'
import { listenToKeys } from './keys.ts'
import { later, whenSeen } from './later.ts'
import { drawLine, markMentions, newsFinder, putInPlace, reachCode, rename, watchList } from './list.ts'
import { openMenus } from './menus.ts'
import { WAITING } from './outbox.ts'
import { isInFront } from './presence.ts'
import { tellRead } from './read.ts'
import { jumpToUnread, keepPlace } from './scroll.ts'
import { forgetAtSignOut, namesFrom, recall } from './storage.ts'
import { explainTimes, localiseDays, localiseTimes } from './times.ts'
import { countInTitle } from './title.ts'
import { showTyping } from './typing.ts'
import { followKeyboard } from './viewport.ts'
import { registerWorker } from './worker.ts'

explainTimes()
listenToKeys()
registerWorker()
forgetAtSignOut(WAITING)
whenSeen(document.querySelectorAll('[data-copy], [data-invite]'), () => later(({ offerSharing }) => offerSharing()))
reachCode(document)
if (namesFrom('muted ').length > 0) {
  later(({ markMuted }) => markMuted())
}
const messages = document.querySelector<HTMLElement>('[data-messages]')
const log = document.querySelector<HTMLElement>('[data-log]')
keepChats(messages)
if (messages && log) {
  openChat(messages, log)
}
// In a task of their own: pages show the times in UTC until then, and answer to their reader.
setTimeout(() => {
  localiseTimes(document)
  if (messages) {
    localiseDays(messages)
  }
})

/** The page of a chat. */
function openChat(messages: HTMLElement, log: HTMLElement) {
  const composer = document.querySelector<ComposerForm>('[data-composer]')
  const path = log.dataset.log ?? ''
  /** The version that the list has come to: the tail's. */
  const cursor = () => messages.querySelector<HTMLInputElement>('.tail input')?.value ?? ''
  const catchUp = () => {
    const tail = messages.querySelector('.tail')
    if (tail) {
      htmx.trigger(tail, 'catch-up')
    }
  }
  const name = document.title.replace(/ – Chatire$/, '')
  const scroll = keepPlace(log, messages)
  const findNews = newsFinder(messages)
  const lookForRead = tellRead(path, log, cursor, composer, scroll)
  const count = countInTitle()
  const alertTo = openDetails()
  const typed = showTyping()
  const removed = () =>
    later(
      ({ showRemoved }) => showRemoved(name, sending?.takeBack() ?? ''),
      () => location.assign('/'),
    )
  const sending = composer && sendInPlace(composer, messages, { cursor, catchUp }, scroll, removed)
  composer?.addEventListener('beforeinput', begin, { once: true })
  function begin() {
    later(({ offerChoices, tellTyping }) => {
      if (composer) {
        offerChoices(composer)
        tellTyping(path, composer, cursor)
      }
    })
  }
  jumpToUnread(log)
  mendAddress(path)
  watchList(messages, came => {
    refreshHeader(came.flatMap(item => item.dataset.kind ?? []))
    for (const own of came) {
      if (own.dataset.key) {
        sending?.arrived(own.dataset.key)
      }
    }
    for (const changed of came.filter(item => item.matches('[data-replaces]'))) {
      putInPlace(messages, changed)
    }
    for (const named of came.filter(item => item.matches('[data-kind=named], [data-kind=left], [data-kind=joined]'))) {
      rename(messages, named)
    }
    markMentions(messages)
    reachCode(messages)
    const news = findNews(came)
    const [first] = news
    if (first && !isInFront()) {
      count(news.length)
      drawLine(first)
      alertTo(news)
    }
    for (const { dataset } of news) {
      typed(dataset.author ?? '')
    }
    localiseTimes(messages)
    localiseDays(messages)
    scroll.settle()
    if (first) {
      lookForRead()
    }
    showNewest(messages)
  })
  markMentions(messages)
  openMenus(messages, composer)
  offerActions(messages)
  followKeyboard()
  tellTrouble(catchUp, () => sending?.tryNow(), removed)
  quietOlder(log)
}

/**
 * The details come to life once they are seen, or at once where they hold what the reader asked for. The returned function tells of messages
 * that came.
 */
function openDetails(): (news: readonly Element[]) => void {
  const isEntrance = location.hash === '#info'
  let tell: ReturnType<typeof openDetails> = () => {}
  const open = () =>
    later(extras => {
      extras.closeDetails(isEntrance)
      tell = extras.alertElsewhere()
    })
  const isAsked = ['sound', 'notify'].some(name => recall(name))
  if (isAsked) {
    open()
  } else {
    whenSeen(document.querySelectorAll('#info'), open)
  }
  return news => tell(news)
}

/** Not on touch, where the time's link leads to the same. */
function offerActions(messages: Element) {
  if (matchMedia('(hover: hover)').matches) {
    for (const sign of ['pointerover', 'focusin']) {
      messages.addEventListener(sign, ({ target }) => later(({ showActions }) => showActions(target as Element)))
    }
  }
}
