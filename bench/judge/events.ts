import { reactionsText } from './chats.js'
import { Wrong } from './reader.js'
import type { Item, Span } from './sight.js'

/** One block of server-sent events (HTML standard, section 9.2). */
export interface Block {
  id: string | undefined
  event: string | undefined
  data: string
}

/** Reads server-sent events piece by piece. A block that is not complete counts as nothing. */
export function blockReader(take: (block: Block) => void): (text: string) => void {
  let rest = ''
  return text => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const text of blocks) {
      const block: Block = { id: undefined, event: undefined, data: '' }
      for (const line of text.split('\n')) {
        const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
        if (name === 'data') {
          block.data += block.data === '' ? value : `\n${value}`
        } else if (name === 'id' || name === 'event') {
          block[name] = value
        }
      }
      take(block)
    }
  }
}

/** An event of the API's JSON. */
export interface EventJson {
  event: string
  id: number
  version: number
  user: { id: number }
  message: string | null
  deleted_at: string | null
  reactions: Record<string, number>
}

const OF_MESSAGES = ['message', 'edited', 'deleted', 'reacted']

/** What the event tells a reader. Throws Wrong if it is no event. */
export function spanOf(event: EventJson): Span {
  if (!Number.isInteger(event?.version) || !Number.isInteger(event.id) || !Number.isInteger(event.user?.id)) {
    throw new Wrong(`got what is no event: ${JSON.stringify(event)}`)
  }
  return { from: event.version - 1, to: event.version, items: [itemOf(event)] }
}

function itemOf({ event, id, message, deleted_at, reactions }: EventJson): Item {
  const deleted = deleted_at !== null
  return {
    id,
    text: OF_MESSAGES.includes(event) ? (message ?? '') : null,
    deleted,
    reactions: reactionsText(reactions),
  }
}

export function parse<T>(text: string): T {
  try {
    return JSON.parse(text)
  } catch {
    throw new Wrong(`got what is no JSON: ${text.slice(0, 200)}`)
  }
}
