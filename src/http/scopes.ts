import type { Identity } from '../db/identities.js'
import { chatOfLink } from '../db/links.js'
import { type Db, SCOPES, type Scope } from '../db/schema.js'
import { Refusal } from '../errors.js'
import type { Middleware, Parts, State } from './context.js'

/**
 * Refuses what the token of the request is not for. Each operation of the API says which scope it needs (operations.ts). All that is not of the API,
 * such as parts of pages, takes a token with all scopes for all chats.
 */
export function refuseBeyondScope(parts: Parts): Middleware {
  return async (ctx, next) => {
    const { route } = ctx.state
    if (route !== undefined) {
      await requireScopeOfRoute(parts, ctx.state, route.startsWith('/chats/:uri') ? ctx.path.split('/')[2] : undefined)
    }
    await next()
  }
}

/** The same for one request to a route: `uri` is that of the chat in its path. */
export async function requireScopeOfRoute(
  parts: Pick<Parts, 'db'>,
  { identity, marks }: Pick<State, 'identity' | 'marks'>,
  uri: string | undefined,
) {
  if (identity) {
    const needed = marks.operation ? marks.operation.scope : 'all'
    await requireScope(parts, identity, needed, needed === 'all' ? undefined : uri)
  }
}

/** Throws 403 where the token lacks the scope, or is for another chat than that of the URI. Without a URI all chats are meant. */
export async function requireScope(
  { db }: Pick<Parts, 'db'>,
  identity: Identity,
  needed: Scope | 'any' | 'all',
  uri: string | undefined,
) {
  if (needed === 'any') {
    return
  }
  const lacking = SCOPES.find(scope => (scope === needed || needed === 'all') && !identity.scopes.includes(scope))
  if (lacking) {
    throw beyondScope(`This token lacks the scope "${lacking}".`)
  }
  if (identity.chat_id !== null && !(uri !== undefined && (await isItsChat(db, identity, uri)))) {
    throw beyondScope('This token is for one chat alone, and this is not in it.')
  }
}

/** Whether the URI is of the only chat that the token is for. */
async function isItsChat(db: Db, identity: Identity, uri: string): Promise<boolean> {
  if (identity.uri !== uri && (await chatOfLink(db, uri)) === identity.chat_id) {
    identity.uri = uri
  }
  return identity.uri === uri
}

export function beyondScope(sentence: string): Refusal {
  return new Refusal('insufficient_scope', sentence)
}
