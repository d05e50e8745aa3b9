import { type Draft, keepDraft, recallDraft } from './draft.ts'
import { explains, type HtmxRequest, requestOf } from './htmx.ts'
import { claim, say, unsay } from './notice.ts'
import type { Scroll } from './scroll.ts'

/** The form that messages are written in. */
export interface ComposerForm extends HTMLFormElement {
  readonly elements: HTMLFormControlsCollection & {
    readonly message: HTMLTextAreaElement
    readonly key: HTMLInputElement
    readonly csrf: HTMLInputElement
  }
}

/** What was typed: the text, its key, and the elements that say which message it answers. */
type Typed = Draft & { answers?: readonly Element[] }

type Sent = Typed & { bubble: HTMLElement }

/**
 * Sends without leaving the page: the text becomes a pending message and the composer is free at once. Each message has a
 * key of its own, so that sending it again cannot store it twice. The returned function is told the keys of own messages that have
 * come into the list.
 */
export function sendInPlace(
  composer: ComposerForm,
  messages: Element,
  cursor: () => string,
  scroll: Scroll,
): (key: string) => void {
  const { message: text, key } = composer.elements
  const slot = `draft of ${composer.dataset.composer} in ${composer.getAttribute('action')}`
  const pending = document.createElement('ul')
  pending.className = 'messages messages--pending'
  pending.setAttribute('aria-label', 'Being sent')
  // It is read out once, when it has come.
  pending.setAttribute('aria-live', 'off')
  messages.after(pending)
  const sent = new WeakMap<HtmxRequest, Sent>()
  const reply = document.getElementById('reply')
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
  text.addEventListener('input', () => {
    text.rows = Math.min(6, text.value.split('\n').length)
    keep()
  })
  if (text.value === '') {
    restore(recallDraft(slot) ?? { text: '', key: key.value })
  } else {
    keep()
  }
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

  composer.addEventListener('htmx:config:request', event => {
    const request = requestOf(event)
    const { body } = request.request
    const typed = { text: String(body.get('message')), key: String(body.get('key')) }
    if (typed.text.trim() === '') {
      event.preventDefault()
      return
    }
    const bubble = pendingBubble(typed)
    pending.append(bubble)
    sent.set(request, { bubble, ...typed, answers: answers() })
    reply?.replaceChildren()
    unsay()
    claim('composer')
    restore({ text: '', key: newKey() })
    scroll.toEnd()
  })

  // A message that waited for the one before it knows an old tail.
  composer.addEventListener('htmx:before:request', event => {
    const after = cursor()
    if (after) {
      requestOf(event).request.body.set('after', after)
    }
  })

  composer.addEventListener('htmx:finally:request', event => {
    const request = requestOf(event)
    const message = sent.get(request)
    if (!message) {
      return
    }
    const status = request.response?.status ?? 0
    if (status >= 200 && status < 300) {
      message.bubble.remove()
      // Where a poll was faster the answer found no tail to replace: ask for the rest now.
      const [, id] = /id="(tail-\d+)"/.exec(request.text ?? '') ?? []
      const tail = messages.querySelector('.tail')
      if (tail && tail.id !== id) {
        htmx.trigger(tail, 'catch-up')
      }
    } else {
      if (!explains(request)) {
        say('The message could not be sent: the server cannot be reached.', 'composer')
      }
      // 422 stored nothing and never will; anything else may have stored it, and the same key finds out.
      giveBack({ ...message, key: status === 422 ? newKey() : message.key })
    }
    scroll.settle()
  })

  // The stream is often faster than the answer: the message does not stand there twice meanwhile.
  return key => pendingWith(key)?.remove()

  function pendingWith(key: string): Element | undefined {
    return [...pending.children].find(bubble => (bubble as HTMLElement).dataset.key === key)
  }

  /** Puts the text back where it was typed, or, when something else stands there by now, keeps it in sight with a button. */
  function giveBack(message: Sent) {
    const { bubble } = message
    if (!bubble.isConnected) {
      pending.append(bubble)
    }
    if (text.value === '') {
      bubble.remove()
      restore(message)
      return
    }
    bubble.dataset.key = message.key
    bubble.classList.add('message--failed')
    const again = document.createElement('button')
    again.type = 'button'
    again.className = 'message__again'
    again.textContent = 'Not sent. Try again'
    again.addEventListener('click', () => {
      const typed = { text: text.value, key: key.value, answers: answers() }
      bubble.remove()
      restore(message)
      composer.requestSubmit()
      restore(typed)
      text.focus()
    })
    bubble.querySelector('.message__foot')?.remove()
    bubble.querySelector('.message__body')?.append(again)
  }

  function answers(): Element[] {
    return [...(reply?.children ?? [])]
  }

  function restore(typed: Typed) {
    if (typed.answers) {
      reply?.replaceChildren(...typed.answers)
    }
    text.value = typed.text
    key.value = typed.key
    text.dispatchEvent(new Event('input'))
  }

  function keep() {
    keepDraft(slot, { text: text.value, key: key.value })
  }
}

function pendingBubble({ text, key }: Draft): HTMLElement {
  const item = document.createElement('li')
  item.className = 'message message--mine message--pending'
  item.dataset.key = key
  const body = document.createElement('div')
  body.className = 'message__body'
  const bubble = document.createElement('div')
  bubble.className = 'message__bubble'
  const line = document.createElement('div')
  line.className = 'message__line'
  const words = document.createElement('div')
  words.className = 'message__text'
  words.dir = 'auto'
  words.textContent = text
  const foot = document.createElement('p')
  foot.className = 'message__foot'
  foot.append('Sending')
  line.append(words, foot)
  bubble.append(line)
  body.append(bubble)
  item.append(body)
  return item
}

/** Not crypto.randomUUID, which plain http on a local network does not have. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('')
}
