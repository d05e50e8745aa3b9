/** A message that was changed comes like any other, and takes the place of the old one. Where that is not in the list it goes. */
export function putInPlace(messages: Element, changed: Element) {
  changed.removeAttribute('data-replaces')
  const old = [...messages.querySelectorAll(`[id="${changed.id}"]`)].find(item => item !== changed)
  if (old) {
    old.replaceWith(changed)
  } else {
    changed.remove()
  }
  const words = changed.querySelector('.message__text')?.textContent.trim() ?? 'deleted message'
  const id = changed.id.replace('message-', '')
  for (const quote of messages.querySelectorAll(`[data-quotes="${id}"] .quote__text`)) {
    quote.textContent = words.length > 120 ? `${[...words].slice(0, 120).join('')}…` : words
  }
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
