import { previewOf } from './preview.ts'

/**
 * A message that was changed comes like any other, and takes the place of the old one. Where that is not in the list it goes. A menu that
 * is open there stays, with what is typed in it and the focus.
 */
export function putInPlace(messages: Element, changed: Element) {
  changed.removeAttribute('data-replaces')
  const old = [...messages.querySelectorAll(`[id="${changed.id}"]`)].find(item => item !== changed)
  const open = old?.querySelector('.message__menu:not(:empty)')
  const place = changed.querySelector('.message__menu')
  const isFocused = old?.contains(document.activeElement) && !open?.contains(document.activeElement)
  const words = previewOf(changed)
  if (old?.querySelector('.message__more[open]')) {
    changed.querySelector('.message__more')?.setAttribute('open', '')
  }
  if (old && open && place) {
    changed.remove()
    renewAround(open, old, changed, place)
  } else if (old) {
    old.replaceWith(changed)
  } else {
    changed.remove()
  }
  if (isFocused) {
    focusLink(open ? old : changed)
  }
  const id = changed.id.replace('message-', '')
  for (const quote of messages.querySelectorAll(`[data-quotes="${id}"] .quote__text`)) {
    quote.textContent = words
  }
}

/** Makes `old` what `fresh` is, and leaves `kept` in it untouched, where `fresh` has `place`. An element that leaves the page loses its focus. */
function renewAround(kept: Element, old: Element, fresh: Element, place: Element) {
  for (const name of old.getAttributeNames()) {
    old.removeAttribute(name)
  }
  for (const { name, value } of fresh.attributes) {
    old.setAttribute(name, value)
  }
  const way = [...old.children].find(child => child.contains(kept))
  const into = [...fresh.children].find(child => child.contains(place))
  if (!way || !into) {
    return
  }
  const nodes = [...fresh.childNodes]
  const index = nodes.indexOf(into)
  for (const node of [...old.childNodes]) {
    if (node !== way) {
      node.remove()
    }
  }
  way.before(...nodes.slice(0, index))
  way.after(...nodes.slice(index + 1))
  if (way !== kept) {
    renewAround(kept, way, into, place)
  }
}

/** Puts the focus on the message's own link, where the keyboard's next step begins. */
export function focusLink(message: Element | undefined) {
  message?.querySelector<HTMLElement>('[data-menu]')?.focus({ preventScroll: true })
}

/** Shows somebody's new name wherever the old one stands: it may be another's by now, or its owner deleted their account. */
export function rename(messages: Element, named: HTMLElement) {
  const name = named.querySelector('bdi')?.textContent ?? ''
  const guest = named.querySelector('.guest')
  const { author } = named.dataset
  for (const who of messages.querySelectorAll(`.message[data-author="${author}"] .message__who`)) {
    who.querySelector('bdi')?.replaceChildren(name)
    who.querySelector('.guest')?.remove()
    if (guest) {
      who.append(' ', guest.cloneNode(true))
    }
  }
  for (const who of messages.querySelectorAll(`.aside[data-author="${author}"] > bdi:first-child`)) {
    who.textContent = name
  }
}

/** Code that is wider than its bubble scrolls, by the keyboard too. Some browsers let nobody reach it otherwise. */
export function reachCode(root: ParentNode) {
  for (const code of root.querySelectorAll<HTMLElement>('.message__text pre')) {
    code.tabIndex = 0
  }
}

/** Makes the reader's own name stand out: the server renders one message for all readers. */
export function markMentions(messages: HTMLElement) {
  const { me } = messages.dataset
  for (const mention of messages.querySelectorAll(`.mention[data-user="${me}"]:not(.mention--me)`)) {
    mention.classList.add('mention--me')
    mention.closest('.message')?.classList.add('message--for-me')
  }
}

/**
 * Returns a function that finds, among what came into the list, the messages of others that are new: not older ones, and not those
 * that take the place of one.
 */
export function newsFinder(messages: Element): (came: readonly HTMLElement[]) => HTMLElement[] {
  const number = (item: Element) => Number(/^message-(\d+)$/.exec(item.id)?.[1] ?? 0)
  let newest = Math.max(0, ...[...messages.children].map(number))
  return came => {
    const news = came.filter(item => number(item) > newest)
    newest = Math.max(newest, ...news.map(number))
    return news.filter(item => item.isConnected && !item.matches('.message--mine'))
  }
}

/** Draws the line before what is new: one, where the reader went away last. */
export function drawLine(first: Element) {
  const line = document.getElementById('new') ?? document.createElement('li')
  if (line.dataset.away !== undefined) {
    return
  }
  line.id = 'new'
  line.className = 'new'
  line.dataset.away = ''
  const words = document.createElement('span')
  words.className = 'new__words'
  words.textContent = 'New'
  line.replaceChildren(words)
  first.before(line)
  addEventListener('focus', () => delete line.dataset.away, { once: true })
}

/** Calls `came` with what comes into the list, whatever brings it (a poll, an answer, older messages), before it is painted. */
export function watchList(messages: Element, came: (items: HTMLElement[]) => void) {
  const observer = new MutationObserver(changes => {
    const added = changes.flatMap(change => [...change.addedNodes])
    came(added.filter(node => node instanceof HTMLElement))
    // What it has changed itself is nothing that came.
    observer.takeRecords()
  })
  observer.observe(messages, { childList: true })
}
