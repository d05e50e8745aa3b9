import { addTo } from './elements.ts'
import { isMuted, mute } from './muted.ts'
import { say } from './notice.ts'
import { kindOf, previewOf } from './preview.ts'
import { recall, remember } from './storage.ts'

/** The shortest time between two alerts that call nobody by name, in milliseconds. */
const PAUSE = 2000

/** How long a notification stays, in milliseconds. */
const SHOWN_FOR = 8000

/** What htmx's extension says of a stream, as far as it is used here. */
interface Connection {
  visibilityHandler?: () => void
}

interface Live extends HTMLElement {
  _htmx?: { sse?: Connection }
}

/**
 * A sound and a notification for what comes while the reader is elsewhere, each where they asked for it and the browser has it. A
 * page that is to tell them goes on listening in the background; any other saves its connection there. The returned function
 * tells of messages that came.
 */
export function alertElsewhere(): (messages: readonly Element[]) => void {
  const choices = document.querySelector<HTMLElement>('[data-alerts]')
  if (!choices) {
    return () => {}
  }
  const canNotify = isSecureContext && 'Notification' in window
  const sound = addChoice(choices, 'Sound', 'AudioContext' in window)
  const notify = addChoice(choices, 'Notifications', canNotify, 'As long as this page is open')
  const { chat = '' } = choices.dataset
  const quiet = addChoice(choices, 'Mute this chat', true, 'No sound and no notification, even for mentions')
  let connection: Connection | undefined
  let speaker: AudioContext | undefined
  let alertedAt = Number.NEGATIVE_INFINITY

  choices.hidden = false
  sound.checked = recall('sound') === true
  notify.checked = canNotify && Notification.permission === 'granted' && recall('notify') === true

  quiet.checked = isMuted(chat)
  quiet.addEventListener('change', () => mute(chat, quiet.checked))
  addEventListener('storage', () => {
    quiet.checked = isMuted(chat)
  })

  function listenOn() {
    const { visibilityHandler } = connection ?? {}
    if (!visibilityHandler) {
      return
    }
    if (sound.checked || notify.checked) {
      document.removeEventListener('visibilitychange', visibilityHandler)
    } else {
      document.addEventListener('visibilitychange', visibilityHandler)
    }
  }
  // The stream was there before this module.
  connection = (document.getElementById('live') as Live | null)?._htmx?.sse
  listenOn()
  document.addEventListener('htmx:sse:after:connection', event => {
    connection = (event as CustomEvent<{ connection: Connection }>).detail.connection
    listenOn()
  })
  sound.addEventListener('change', () => {
    remember('sound', sound.checked || null)
    listenOn()
    if (sound.checked) {
      ring(wake())
    }
  })
  notify.addEventListener('change', async () => {
    if (notify.checked && (await Notification.requestPermission()) !== 'granted') {
      notify.checked = false
      say('Your browser does not allow notifications from this site. Allow them in its settings first.', 'alerts')
    }
    remember('notify', notify.checked || null)
    listenOn()
  })
  // Browsers let a page sound only after its reader has done something there.
  for (const gesture of ['pointerdown', 'keydown']) {
    addEventListener(gesture, () => sound.checked && wake(), { once: true })
  }

  function wake(): AudioContext {
    speaker ??= new AudioContext()
    if (speaker.state === 'suspended') {
      speaker.resume().catch(() => {})
    }
    return speaker
  }

  return messages => {
    const told = messages.filter(message => message.querySelector('.message__text'))
    const named = told.findLast(message => message.querySelector('.mention--me'))
    const message = named ?? told.at(-1)
    // Not once for each of many, but always for one that names the reader.
    if (!message || isMuted(chat) || (!named && performance.now() - alertedAt < PAUSE)) {
      return
    }
    alertedAt = performance.now()
    if (sound.checked && speaker) {
      ring(wake())
    }
    if (notify.checked && !show(message, sound.checked)) {
      notify.parentElement?.setAttribute('hidden', '')
    }
  }
}

/** Made by the script, as text browsers would offer what is hidden in the page. */
function addChoice(choices: Element, words: string, possible: boolean, hint?: string): HTMLInputElement {
  const box = addTo(choices, 'div', 'box')
  box.hidden = !possible
  const label = addTo(box, 'label', 'box__label', words)
  const input = addTo(box, 'input', 'box__input')
  input.type = 'checkbox'
  input.id = words.toLowerCase().replaceAll(' ', '-')
  label.htmlFor = input.id
  if (hint) {
    const note = addTo(box, 'p', 'box__hint', hint)
    note.id = `${input.id}-hint`
    input.setAttribute('aria-describedby', note.id)
  }
  return input
}

function ring(speaker: AudioContext) {
  const now = speaker.currentTime
  const tone = speaker.createOscillator()
  const volume = speaker.createGain()
  tone.frequency.setValueAtTime(660, now)
  tone.frequency.setValueAtTime(880, now + 0.09)
  volume.gain.setValueAtTime(0.12, now)
  volume.gain.exponentialRampToValueAtTime(0.001, now + 0.3)
  tone.connect(volume).connect(speaker.destination)
  tone.start()
  tone.stop(now + 0.3)
}

/** On phones the service worker shows it, as they do not let pages. Returns false where there is none. */
function show(message: Element, silent: boolean): boolean {
  // TypeScript's DOM does not have `renotify`, which browsers have.
  const options: NotificationOptions & { renotify: boolean } = {
    body: previewOf(message),
    tag: location.pathname,
    renotify: true,
    silent,
  }
  const author = message.querySelector('.message__author')?.textContent ?? ''
  const kind = kindOf(message)
  const title = kind ? `${author} (${kind})` : author
  try {
    const shown = new Notification(title, options)
    shown.onclick = () => {
      window.focus()
      shown.close()
    }
    setTimeout(() => shown.close(), SHOWN_FOR)
    return true
  } catch {
    if (!('serviceWorker' in navigator)) {
      return false
    }
    navigator.serviceWorker.ready.then(worker => worker.showNotification(title, options)).catch(() => {})
    return true
  }
}
