import type Koa from 'koa'
import type { Logger } from 'pino'
import type { Config } from '../config.js'
import type { Identity } from '../db/identities.js'
import type { PostQueue } from '../db/post-queue.js'
import type { Db } from '../db/schema.js'
import type { User } from '../db/users.js'
import type { Credential } from '../live/identities.js'
import type { Live } from '../live/live.js'
import type { Assets } from './assets.js'
import type { Outage } from './outages.js'
import type { LimitRate, RateName } from './rate-limits.js'
import type { Views } from './views.js'

/** A body's fields as they came: nothing about their values is known yet. */
export type Fields = Readonly<Record<string, unknown>>

/** What the program is made of once it runs: made in process/parts.ts, handed to whoever needs a part. */
export interface Parts {
  config: Config
  log: Logger
  db: Db
  live: Live
  posts: PostQueue
  /** Rejects with what stands in the way of reading and writing. */
  ready: () => Promise<void>
  /** The database's, if there is one. */
  outage: Outage
  limitRate: LimitRate
  /** Seals cookies and form tokens. */
  secret: Buffer
  assets: Assets
  views: Views
}

/** How the answer is given: a whole document, HTML replacing part of one, or JSON. */
export type Form = 'page' | 'fragment' | 'json'

/** What the middleware before the router must know of a route. It is said where the route is registered. */
export interface Marks {
  /** Whoever sends it is not looked up: an old token or cookie must not stand in the way, or the database may be down. */
  anonymous?: true
  /** Cookies do not count: it is for programs with a token, or browsers send it by themselves. */
  cookieless?: true
  /** Its form is sent before there is a session. Another site could sign its visitors in as somebody else by it. */
  entrance?: true
  /** A session begins or ends here. */
  signsIn?: true
  /** The tail of a page asks for it, most often for nothing: http/idle-polls.ts answers then. */
  tail?: true
  /** Open pages ask for it by themselves, which is no use of the session. */
  poll?: true
  /** Asks whether the program is ready: a 503 is its answer, and refuses nobody. */
  probe?: true
  /** What the handler counts it under, by `limit` of routes/scope.ts. */
  rate?: RateName
}

export interface State {
  form: Form
  /** The path of the route that will answer, with the names of its parameters. */
  route?: string
  /** What that route is marked with. */
  marks: Marks
  /** The request goes by its Authorization header alone, or by none: cookies do not count. */
  cookieless: boolean
  user?: User
  /** What the user was found by: what the database says of it, and what was sent. */
  identity?: Identity
  credential?: Credential
  /** The id of a session that begins with this answer, once there is a user. */
  begun?: string
  /** The body's fields, once read. */
  fields?: Fields
  /** The answer stands in a frame of our own page. */
  isFrame?: boolean
  /** Opens the stream that is the answer, once all headers are set. */
  openStream?: () => void
  /** Sealed for this browser's session, or its signed-out visit; made when a page with a form asks for it. */
  csrf?: string
}

export type Context = Koa.ParameterizedContext<State>
/** The context of a handler, whose path has been matched. */
export type RouteContext = Context & { params: Readonly<Record<string, string>> }
export type Middleware = Koa.Middleware<State>
