import { keepDraft } from './draft.ts'
import { newKey } from './new-key.ts'
import { unsay } from './notice.ts'
import { openOutbox } from './outbox.ts'
import { showWaiting } from './pending.ts'
import { type Fate, goesByItself, timeAfter, type Waiting } from './queue.ts'
import type { Scroll } from './scroll.ts'
import { type List, sendWaiting } from './sender.ts'

/** The form that messages are written in. */
export interface ComposerForm extends HTMLFormElement {
  readonly elements: HTMLFormControlsCollection & {
    readonly message: HTMLTextAreaElement
    readonly key: HTMLInputElement
    readonly csrf: HTMLInputElement
  }
}

/** The composer, as far as the rest of the page needs it. */
interface Sending {
  /** Told the keys of own messages that have come into the list. */
  arrived(key: string): void
  /** Tries what waits at once: the server can be reached. */
  tryNow(): void
  /** Takes out of the queue what waits, puts it before what is typed, and returns all of that. */
  takeBack(): string
}

/** How long after a reload another one cannot help, in milliseconds. */
const FRESH = 60_000

/**
 * Sends without leaving the page: a message waits below the others until it has come itself, and the composer is free at once. What waits
 * is kept by the browser, and goes on after a reload. Each message has a key of its own, so that sending it again cannot store it twice.
 */
export function sendInPlace(
  composer: ComposerForm,
  messages: Element,
  list: List,
  scroll: Scroll,
  removed: () => void,
): Sending {
  const { message: text, key } = composer.elements
  const path = composer.getAttribute('action') ?? ''
  const user = composer.dataset.composer ?? ''
  const outbox = openOutbox(user, path)
  const reply = document.getElementById('reply')
  /** The keys of what was typed into this page. */
  const own = new Set<string>()
  /** What stops the sending until the page or its user is another one. */
  let halt: Fate | undefined

  const pending = document.createElement('ul')
  pending.className = 'messages messages--pending'
  pending.setAttribute('aria-label', 'Being sent')
  // It is read out once, when it has come.
  pending.setAttribute('aria-live', 'off')
  messages.after(pending)
  const send = sendWaiting(pending, path, outbox, list, { changed, done })

  reply?.addEventListener('click', event => {
    if ((event.target as Element).matches('[data-cancel-reply]')) {
      event.preventDefault()
      reply.replaceChildren()
      text.focus()
    }
  })
  text.addEventListener('keydown', event => {
    if (event.key === 'Escape' && !event.isComposing && reply?.firstElementChild) {
      event.stopPropagation()
      reply.replaceChildren()
    }
  })

  if (matchMedia('(pointer: fine)').matches) {
    text.focus()
  }
  if (text.value === '') {
    // Firefox fills in what stood there before a reload, and that message may be on its way.
    key.value = newKey()
  }
  text.addEventListener('input', () => {
    text.rows = Math.min(6, text.value.split('\n').length)
  })
  keepDraft(`draft of ${user} in ${path}`, text)
  const { enter } = document.documentElement.dataset
  /** Whether Enter alone sends: as the reader prefers it, or by whether the device has a mouse, and so a keyboard with Shift. */
  const enterSends = enter === 'send' || (enter !== 'line' && !matchMedia('(pointer: coarse)').matches)
  text.enterKeyHint = enterSends ? 'send' : 'enter'
  text.addEventListener('keydown', event => {
    const sends = event.ctrlKey || event.metaKey || (enterSends && !event.shiftKey)
    // Safari ends a composition before it tells of the key that ended it: 229.
    if (event.key === 'Enter' && sends && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault()
      composer.requestSubmit()
    }
  })

  composer.addEventListener('submit', event => {
    event.preventDefault()
    if (text.value.trim() === '') {
      return
    }
    own.add(key.value)
    put(key.value, text.value, reply?.querySelector('input')?.value)
    key.value = newKey()
    reply?.replaceChildren()
    fill('')
    text.focus()
    unsay('refusal')
    tryNow()
    scroll.toEnd()
  })
  // Another page of the chat has sent something, or has had an answer. Signing out forgets everything, and names nothing.
  addEventListener('storage', changed)
  addEventListener('beforeunload', event => {
    const goes = outbox.all().some(message => goesByItself(message, Date.now()))
    if (outbox.isVolatile || (goes && !halt)) {
      // Not preventDefault, which Safari does not go by.
      event.returnValue = true
    }
  })
  for (const message of messages.querySelectorAll<HTMLElement>('[data-key]')) {
    outbox.drop(message.dataset.key ?? '')
  }
  if (list.cursor() === '') {
    // An answer would lead away from the older messages.
    changed()
  } else {
    send()
  }

  return {
    arrived(key) {
      outbox.drop(key)
      changed()
    },
    tryNow() {
      if (halt !== 'stale') {
        tryNow()
      }
    },
    takeBack() {
      const waiting = outbox.all()
      fill([...waiting.map(({ text }) => text), text.value].filter(Boolean).join('\n\n'))
      for (const { key } of waiting) {
        outbox.drop(key)
      }
      return text.value
    },
  }

  function tryNow() {
    halt = undefined
    send()
  }

  function changed() {
    showWaiting(pending, outbox.all(), { 'Not sent. Try again': tryAgain, Edit: edit })
  }

  function done(message: Waiting, fate: Fate) {
    if (fate === 'stored') {
      outbox.drop(message.key)
    } else if (fate === 'refused') {
      if (own.has(message.key) && text.value === '') {
        edit({ ...message, refused: true })
      } else if (outbox.all().some(({ key }) => key === message.key)) {
        outbox.put({ ...message, refused: true })
      }
    } else if (fate === 'gone') {
      removed()
    } else if (fate !== 'again') {
      halt = fate
      if (fate === 'stale' && !outbox.isVolatile && !isFresh()) {
        location.reload()
      }
    }
    changed()
    scroll.settle()
  }

  /** Sends it behind all that wait. What was refused was not stored, and its key may be another message's. */
  function tryAgain({ key, text: words, reply_to, refused }: Waiting) {
    put(refused ? newKey() : key, words, reply_to)
    if (refused) {
      outbox.drop(key)
    }
    text.focus()
    tryNow()
  }

  /** Puts it back into the composer, before what is typed there. */
  function edit(message: Waiting) {
    // Where it may have been stored its key finds that out.
    if (text.value === '' && !message.refused) {
      key.value = message.key
    }
    outbox.drop(message.key)
    fill([message.text, text.value].filter(Boolean).join('\n\n'))
    if (message.reply_to && reply) {
      void htmx.ajax('GET', `${path}/${message.reply_to}/reply`, { source: reply, target: '#reply', swap: 'innerHTML' })
    }
    text.focus()
    changed()
  }

  function put(key: string, words: string, reply_to?: string) {
    const at = timeAfter(outbox.all(), Date.now())
    outbox.put({ key, text: words, at, ...(reply_to ? { reply_to } : {}) })
    changed()
  }

  function fill(words: string) {
    text.value = words
    text.dispatchEvent(new Event('input'))
  }
}

/** Whether the page was just loaded again. */
function isFresh(): boolean {
  const [loading] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return loading?.type === 'reload' && performance.now() < FRESH
}
