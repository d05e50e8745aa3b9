import { findSubmission, type NewSession, type Submission } from '../db/submissions.js'
import type { User } from '../db/users.js'
import { beginAs, isCurrent } from '../http/authentication.js'
import type { Parts, RouteContext } from '../http/context.js'
import { visitOf } from '../http/csrf.js'
import { read } from '../http/input.js'
import { submissionKey } from '../http/schemas.js'
import { keyHash, randomKey, sealed } from '../keys.js'

/** What a handler stores with what the form does. */
interface Sent {
  /** Null where nothing tells that the form came before: it has no key, or its sender no cookie. */
  submission: Omit<Submission, 'path'> | null
  session: NewSession
}

interface Done {
  /** The user whose session the form has begun; null where it has begun none. */
  user: User | null
  /** Where the answer leads. */
  path: string
}

/**
 * Submits a form that browsers may send twice: somebody taps its button again while the answer is on its way. The first request does what
 * the form is for. The other gets the same result and the same session, also where it was refused because of what the first has done.
 */
export async function once(parts: Parts, ctx: RouteContext, submit: (sent: Sent) => Promise<Done>): Promise<Done> {
  const { key } = read(ctx, submissionKey)
  const sender = senderOf(parts, ctx)
  const hash = key && sender ? keyHash(`${ctx.path} ${sender} ${key}`) : undefined
  // The same for both requests. The database has a hash of it, and the seed: only the browser has the rest.
  const sessionId = (seed: string) => sealed(parts.secret, 'session', `${seed} ${sender} ${key}`)
  const begin = async (done: Done, seed: string) => {
    const id = sessionId(seed)
    if (done.user && !isCurrent(ctx, { id_hash: keyHash(id) })) {
      await beginAs(parts, ctx, done.user, id)
    }
    return done
  }
  // Asked first, so that what is done already counts under no limit.
  const earlier = hash && (await findSubmission(parts.db, hash))
  if (earlier) {
    return begin(earlier, earlier.seed)
  }
  const seed = randomKey()
  const session = { id_hash: keyHash(sessionId(seed)), agent: ctx.get('user-agent') }
  try {
    return await begin(await submit({ submission: hash ? { hash, seed } : null, session }), seed)
  } catch (error) {
    const before = hash && (await findSubmission(parts.db, hash))
    if (!before) {
      throw error
    }
    return begin(before, before.seed)
  }
}

/** At an entrance it is the browser, as it may be signed in when the form comes again. */
function senderOf(parts: Parts, ctx: RouteContext): string | undefined {
  return ctx.state.marks.entrance ? visitOf(parts, ctx) : ctx.state.user && `user ${ctx.state.user.id}`
}
