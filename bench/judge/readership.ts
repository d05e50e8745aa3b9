import { AllEventsReader, AllListReader, AllSocketReader } from './all-chats-readers.js'
import type { Cast } from './cast.js'
import type { Findings } from './findings.js'
import { FramedPage, PollingPage, StreamedPage } from './page-readers.js'
import { EventsReader, ListReader, SocketReader } from './program-readers.js'
import type { Reader } from './reader.js'
import { Sight } from './sight.js'

/** The first this many chats have a frame: its page is loaded again after each change. */
const FRAMES = 4

/** How long the list waits for something new, in seconds. */
const WAIT = 20

/** A reader of every kind for each chat, and of every kind for all chats of a member. Each begins at what has been audited. */
export async function readersOf(cast: Cast, url: string, findings: Findings): Promise<Reader[]> {
  const byPage = { url, findings, headers: cast.viewer }
  const byProgram = { url, findings, headers: { authorization: `Token ${cast.reader.program.token}` } }
  const { chats } = cast
  const sight = (name: string, chat = chats[0]) => new Sight(name, chat as (typeof chats)[number], findings)
  const ofChats = chats.flatMap(chat => [
    new PollingPage(byPage, sight('A page that polls', chat)),
    new StreamedPage(byPage, sight('A page with a stream', chat)),
    ...(chat.number < FRAMES ? [new FramedPage(byPage, sight('A frame', chat))] : []),
    new EventsReader(byProgram, sight('A stream of events', chat)),
    new SocketReader(byProgram, sight('A WebSocket', chat)),
    new ListReader(byProgram, sight('A list', chat), 0),
    new ListReader(byProgram, sight('A list that waits', chat), WAIT),
  ])

  const cursor = await cursorNow(cast.reader)
  const ofAll = [
    new AllEventsReader(
      'A stream of all chats',
      byProgram,
      chats.map(chat => sight('A stream of all chats', chat)),
      cursor,
    ),
    new AllSocketReader(
      'A WebSocket of all chats',
      byProgram,
      chats.map(chat => sight('A WebSocket of all chats', chat)),
      cursor,
    ),
    new AllListReader(
      'A list of all chats',
      byProgram,
      chats.map(chat => sight('A list of all chats', chat)),
      cursor,
    ),
  ]
  const ofWanderers = await Promise.all(
    cast.wanderers.map(async (member, n) => {
      const own = sight('The stream of somebody who leaves again and again', chats[n % chats.length])
      own.wanderer = member.id
      const place = { url, findings, headers: { authorization: `Token ${member.program.token}` } }
      return new AllEventsReader(own.reader, place, [own], await cursorNow(member))
    }),
  )
  return [...ofChats, ...ofAll, ...ofWanderers]

  async function cursorNow({ program }: Cast['reader']): Promise<string> {
    return (await program.call('GET', '/api/events/')).json.cursor
  }
}
