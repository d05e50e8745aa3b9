import type { z } from 'zod'
import { LIMITS } from '../config.js'
import { findChat } from '../db/chats.js'
import { SCOPES } from '../db/schema.js'
import { createToken, type TokenGround } from '../db/tokens.js'
import type { User } from '../db/users.js'
import { Refusal } from '../errors.js'
import type { newToken } from '../http/account-schemas.js'
import { signedOut } from '../http/authentication.js'
import type { Parts, RouteContext } from '../http/context.js'
import { beyondScope } from '../http/scopes.js'
import { keyHash, tokenKey } from '../keys.js'

type Asked = z.output<typeof newToken>

/**
 * Makes a token by the session or the token of the request. Throws 403 where it would be more than that token itself, and 401 where the session or
 * token has ended.
 */
export async function makeOwnToken(parts: Parts, ctx: RouteContext, user: User, asked: Asked) {
  const { identity } = ctx.state
  if (!identity) {
    throw signedOut()
  }
  const { scopes = [...identity.scopes] } = asked
  if (!scopes.every(scope => identity.scopes.includes(scope))) {
    throw beyondScope('A token makes none that may do more than itself.')
  }
  const { token_id, hash: session } = identity
  const ground = token_id === null ? { id: user.id, session } : { id: user.id, token_id }
  const made = await makeToken(parts, ground, { ...asked, scopes })
  if (!made) {
    throw signedOut()
  }
  return made
}

/** A new token, as JSON. Undefined if the password, session or token that makes it is no longer valid. `status`: of wrong input. */
export async function makeToken({ db, live }: Parts, ground: TokenGround, asked: Asked, status = 422) {
  const { name, scopes = [...SCOPES], chat, expires_at = null } = asked
  const found = chat === '' ? undefined : await findChat(db, chat, ground.id)
  if (chat !== '' && (found?.member_name ?? null) === null) {
    const sentence = 'You are in no such chat.'
    throw new Refusal('invalid_input', sentence, { status, faults: [{ field: 'chat', code: 'not_offered', sentence }] })
  }
  const auth_token = tokenKey()
  const chat_id = found?.id ?? null
  const token = await createToken(db, ground, { key_hash: keyHash(auth_token), name, scopes, chat_id, expires_at })
  switch (token.outcome) {
    case 'refused':
      return undefined
    case 'beyond':
      throw beyondScope('A token makes none that lasts longer than itself.')
    case 'too many':
      throw tooManyTokens(name)
    case 'made in the place of another':
      live.ended(ground.id)
  }
  return { id: token.id, auth_token, name, scopes, chat: found?.current_uri ?? null, expires_at: token.expires_at }
}

function tooManyTokens(name: string): Refusal {
  return new Refusal(
    'too_many_tokens',
    name === ''
      ? `You have ${LIMITS.tokensPerUser} tokens without a name, and all were used within the last minutes. Revoke some, or try again later.`
      : `You have ${LIMITS.tokensPerUser} tokens with a name. Revoke some that you do not need.`,
  )
}
