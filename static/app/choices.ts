import type { ComposerForm } from './composer.ts'
import { addTo } from './elements.ts'
import EMOJI from './emoji.json'
import { found } from './words.ts'

/** What can stand in the place of what was typed. */
interface Choice {
  value: string
  show: (item: HTMLElement) => void
}

interface Member {
  id: number
  name: string
  username: string
  kind: string
}

/** The list has so many choices at most. */
const MOST = 6

/** A name and its mark are looked for in so many characters before the caret. */
const BEFORE = 64

/** As src/text/mentions.ts finds mentions: not in an address, but right behind a word of a script without spaces. */
const NAMING =
  /(?:^|[^\p{L}\p{M}\p{N}_@＠+-]|[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}])[@＠]((?! )[^@＠\n]*)$/u

const EMOTING = /(?:^|[^\p{L}\p{N}:]):([a-z][a-z_]+):?$/u

/**
 * A list above the composer: of the chat's members behind an @, and of emoji behind a colon and two letters. ARIA gives no text of several
 * lines `aria-expanded` or the role of a combobox, so a status says that there is a list, and how many it names.
 */
export function offerChoices(composer: ComposerForm) {
  const text = composer.elements.message
  const list = addTo(composer, 'ul', 'choices')
  list.id = 'choices'
  list.setAttribute('role', 'listbox')
  list.setAttribute('aria-label', 'Suggestions')
  const status = addTo(composer, 'p', 'hidden-label')
  status.setAttribute('role', 'status')
  let choices: readonly Choice[] = []
  let active = 0
  /** Whether the arrow keys were used: Tab leaves the field otherwise. */
  let chosen = false
  /** Where the mark of the list stands in the text, and where one stands that wants no list any more. */
  let start = -1
  let closed = -1
  let caret = 0
  let members: Promise<Member[]> | undefined

  text.setAttribute('aria-autocomplete', 'list')
  text.addEventListener('input', () => void look())
  text.addEventListener('blur', close)
  document.addEventListener('selectionchange', () => {
    if (text.selectionStart !== caret || text.selectionEnd !== caret) {
      close()
    }
  })
  document.getElementById('members')?.addEventListener('members-changed', () => {
    members = undefined
  })
  // Before the composer's own keys.
  composer.addEventListener('keydown', press, { capture: true })
  // The field keeps the focus.
  list.addEventListener('pointerdown', event => event.preventDefault())
  list.addEventListener('click', event => {
    const index = [...list.children].findIndex(item => item.contains(event.target as Element))
    if (index >= 0) {
      take(index)
    }
  })
  void look()

  async function look() {
    caret = text.selectionEnd
    const { value } = text
    const before = value.slice(Math.max(0, caret - BEFORE), caret)
    const [, emoji] = EMOTING.exec(before) ?? []
    const [, name] = NAMING.exec(before) ?? []
    const typed = emoji ?? name
    if (typed === undefined) {
      closed = -1
      close()
      return
    }
    const at = caret - before.length + before.lastIndexOf(typed) - 1
    const offered = at === closed ? [] : emoji === undefined ? await named(typed) : emojiLike(emoji)
    // What was typed meanwhile looks by itself.
    if (text.value === value && text.selectionEnd === caret) {
      show(offered, at)
    }
  }

  async function named(typed: string): Promise<Choice[]> {
    members ??= membersOf(composer.getAttribute('action') ?? '')
    const known = await members.catch(() => [])
    if (known.length === 0) {
      members = undefined
    }
    const begins = (name: string) => name.startsWith(folded(typed))
    const rank = ({ name, username }: Member) =>
      begins(folded(name)) ? 0 : [...folded(name).split(' '), folded(username)].some(begins) ? 1 : 2
    const like = known
      .filter(member => String(member.id) !== composer.dataset.composer && rank(member) < 2)
      .sort((one, other) => rank(one) - rank(other))
      .slice(0, MOST)
    if (like.length === 1 && like[0]?.name === typed) {
      return []
    }
    return like.map(({ id, name, kind }) => ({
      value: `@${name} `,
      show(item) {
        const face = addTo(item, 'span', `avatar avatar--small avatar--${id % 8}`)
        face.dataset.initial = (/^./u.exec(name)?.[0] ?? '').toUpperCase()
        face.setAttribute('aria-hidden', 'true')
        addTo(item, 'bdi', '', name)
        if (kind !== 'account') {
          addTo(item, 'span', 'guest', kind)
        }
      },
    }))
  }

  function show(offered: readonly Choice[], at: number) {
    choices = offered
    start = at
    chosen = false
    list.replaceChildren()
    for (const [index, choice] of choices.entries()) {
      const item = addTo(list, 'li', 'choices__item')
      item.id = `choice-${index}`
      item.setAttribute('role', 'option')
      choice.show(item)
    }
    const words = found(choices.length)
    if (status.textContent !== words) {
      status.textContent = words
    }
    if (choices.length > 0) {
      text.setAttribute('aria-controls', list.id)
      point(0)
    } else {
      text.removeAttribute('aria-controls')
      text.removeAttribute('aria-activedescendant')
    }
  }

  function point(index: number) {
    active = (index + choices.length) % choices.length
    for (const [place, item] of [...list.children].entries()) {
      item.setAttribute('aria-selected', String(place === active))
    }
    text.setAttribute('aria-activedescendant', `choice-${active}`)
    list.children[active]?.scrollIntoView({ block: 'nearest' })
  }

  function press(event: KeyboardEvent) {
    const { key, isComposing, altKey, ctrlKey, metaKey, shiftKey } = event
    if (choices.length === 0 || isComposing || event.keyCode === 229 || altKey || ctrlKey || metaKey || shiftKey) {
      return
    }
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      chosen = true
      point(active + (key === 'ArrowDown' ? 1 : -1))
    } else if (key === 'Enter' || (key === 'Tab' && chosen)) {
      take(active)
    } else if (key === 'Escape') {
      closed = start
      close()
    } else {
      return
    }
    event.preventDefault()
    event.stopPropagation()
  }

  function take(index: number) {
    text.setRangeText(choices[index]?.value ?? '', start, caret, 'end')
    closed = start
    text.dispatchEvent(new Event('input', { bubbles: true }))
    text.focus()
  }

  function close() {
    if (choices.length > 0) {
      show([], -1)
    }
  }
}

/** Those whose name begins so first, the shortest before the others, then those in which another word does. */
function emojiLike(typed: string): Choice[] {
  const names = Object.keys(EMOJI) as (keyof typeof EMOJI)[]
  const first = names.filter(name => name.startsWith(typed)).sort((one, other) => one.length - other.length)
  return [...first, ...names.filter(name => name.includes(`_${typed}`) && !first.includes(name))]
    .slice(0, MOST)
    .map(name => ({
      value: `${EMOJI[name]} `,
      show(item) {
        addTo(item, 'span', 'choices__emoji', EMOJI[name]).setAttribute('aria-hidden', 'true')
        item.append(name.replaceAll('_', ' '))
      },
    }))
}

/** All members of the chat whose messages are at `path`. */
async function membersOf(path: string): Promise<Member[]> {
  const all: Member[] = []
  let next: string | undefined = `${path.replace(/messages$/, 'members')}?limit=200`
  while (next) {
    const answer: Response = await fetch(next, { headers: { Accept: 'application/json' } })
    if (!answer.ok) {
      break
    }
    all.push(...((await answer.json()) as { members: Member[] }).members)
    const [, link] = /<([^>]+)>; rel="next"/.exec(answer.headers.get('Link') ?? '') ?? []
    // By its path: PUBLIC_URL may name another host than the one that the page came from.
    next = link?.replace(/^https?:\/\/[^/]+/, '')
  }
  return all
}

/** Without case and accents. */
function folded(name: string): string {
  return name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
}
