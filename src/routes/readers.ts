import type { User } from '../db/users.js'
import { notSignedIn, type Refusal, unavailable } from '../errors.js'
import { addressOf } from '../http/address.js'
import type { Parts, RouteContext } from '../http/context.js'
import type { Feed } from '../live/feed.js'
import type { Reader } from '../live/stream.js'

/** What a stream follows, and who. */
export type Followed = { user: User; feed: Feed | undefined }

/** Counts one more stream for its reader. Throws 503 when there are too many, or while the server stops. */
export function admit(parts: Parts, ctx: RouteContext, reading: Followed): Reader {
  const reader = readerOf(ctx, reading)
  admitReader(parts, reader)
  return reader
}

export function admitReader({ live }: Parts, reader: Reader) {
  if (live.streams.closed) {
    throw unavailable('restarting', 'The chat is being restarted. Please try again in a few seconds.', 5)
  }
  if (!live.streams.admit(reader)) {
    throw tooManyStreams()
  }
}

export function readerOf(ctx: RouteContext, { user }: Followed): Reader {
  const { identity, credential } = ctx.state
  if (!identity || !credential) {
    throw notSignedIn()
  }
  const { user_version, endsAt, token_id } = identity
  return { user_id: user.id, user_version, endsAt, credential, token_id, address: addressOf(ctx) }
}

export function tooManyStreams(): Refusal {
  return unavailable(
    'too_many_streams',
    'Too many pages and programs follow chats for you at this moment. Close some, or try again later.',
    30,
  )
}
