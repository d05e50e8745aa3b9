import { addTo } from './elements.ts'
import { icon } from './icon.ts'
import { muted } from './icons.json'
import { recall, remember } from './storage.ts'

/** `chat` is its id: a chat's address can change. */
export function isMuted(chat: string): boolean {
  return recall(`muted ${chat}`) === true
}

export function mute(chat: string, isOn: boolean) {
  remember(`muted ${chat}`, isOn || null)
  markMuted()
}

/** Marks muted chats in the list, which comes from the server without the marks. */
export function markMuted() {
  for (const row of document.querySelectorAll('[data-chats] li[id]')) {
    const name = row.querySelector('.chats__name')
    const mark = row.querySelector('.chats__muted')
    if (!isMuted(row.id.replace('chat-', ''))) {
      mark?.remove()
    } else if (name && !mark) {
      const made = addTo(name, 'span', 'chats__muted', icon(muted))
      addTo(made, 'span', 'hidden-label', 'Muted: ')
      name.prepend(made)
    }
  }
}

document.addEventListener('htmx:after:swap', markMuted)
// Another page has muted one.
addEventListener('storage', markMuted)
