import type Koa from 'koa'
import type { Logger } from 'pino'
import type { ZodType } from 'zod'
import type { Code } from '../codes.js'
import type { Config } from '../config.js'
import type { Identity } from '../db/identities.js'
import type { Posted } from '../db/messages.js'
import type { PostQueue } from '../db/post-queue.js'
import type { Db } from '../db/schema.js'
import type { User } from '../db/users.js'
import type { Credential } from '../live/identities.js'
import type { Live } from '../live/live.js'
import type { Piece } from '../live/pieces.js'
import type { Tally } from '../tally.js'
import type { Assets } from './assets.js'
import type { Operation } from './operations.js'
import type { Outage } from './outages.js'
import type { Allowance, LimitRate, RateName, ReturnRate } from './rate-limits.js'
import type { Views } from './views.js'

/** The fields of a body as they were sent. Nothing is known about their values yet. */
export type Fields = Readonly<Record<string, unknown>>

/** The parts that the running program consists of. process/parts.ts makes them, and functions take those that they need. */
export interface Parts {
  config: Config
  log: Logger
  db: Db
  live: Live
  posts: PostQueue
  /** Rejects where the database cannot be read or written, with the reason. */
  ready: () => Promise<void>
  /** This process was told to stop, and is not ready any more. It may go on serving for a while (DRAIN). */
  stopping: boolean
  /** Of the database. */
  outage: Outage
  limitRate: LimitRate
  returnRate: ReturnRate
  /** The codes of all requests that were refused. */
  refusals: Tally<Code>
  /** The key of the HMACs of cookies and form tokens. */
  secret: Buffer
  assets: Assets
  views: Views
}

/** The form of an answer: a whole document, HTML that replaces part of one, JSON, or plain text where the route has it. */
export type Form = 'page' | 'fragment' | 'json' | 'text'

/** What other code must know of a route. It is said where the route is registered. */
export interface Marks {
  /** Its sender is not looked up: an old token or cookie must not get in the way, or the database may be down. */
  anonymous?: true
  /** Cookies do not count: it is for programs with a token, or browsers send it by themselves. */
  cookieless?: true
  /** In JSON it can be asked for by a ticket as well, in the query. */
  ticketed?: true
  /** Its form is sent before there is a session. Without a token, another site could use it to sign its visitors in as somebody else. */
  entrance?: true
  /** A session begins or ends here, so koa-session is used. */
  signsIn?: true
  /** How it is answered where memory is certain of the answer: http/short-ways.ts. */
  short?: ShortWay
  /** How it is done where memory is certain of who sends it, in one form or another: there too. */
  shortChanges?: readonly ShortChange[]
  /** Open pages ask for it by themselves, which is no use of the session. */
  poll?: true
  /** Asks whether the program is ready: a 503 is its answer, and refuses nobody. */
  probe?: true
  /** What the handler counts it under, by `limit` of routes/scope.ts. */
  rate?: RateName
  /** What its body and its query have, all other fields are refused. Its handler reads them by the same schemas. */
  body?: ZodType
  query?: ZodType
  /** Its body is a file, which the handler reads as it comes. */
  upload?: true
  /** It is answered in plain text too, where that is asked for. */
  text?: true
  /** Its JSON and text are about one chat, and have no secret but the chat's link: they are compressed. */
  gzip?: true
  /** Its body may be a text, as `message`: also one that is sent as a form and is none, which is what curl does. */
  textBody?: true
  /** What the forms of our pages send besides. */
  formFields?: readonly string[]
  /** What the document of the API says of it. */
  operation?: Operation
  /** Asked for by our own pages alone, in whatever form: no part of the API. */
  forPages?: true
  /** Other people's clients send it fields that it does not have: these are passed over, unless one looks misspelt. */
  lenient?: true
}

/** The answer to a GET for which nothing has to be asked to know who may have it. It says what the route says, and is in one form only. */
export interface ShortWay {
  form: Form
  /** What stands behind the path, as a regular expression with one group at most. */
  query: string
  /**
   * The answer for the member who asks, `ctx.state.user`. Undefined, without any effect, where memory is not certain of it, or a session or a
   * count has to be written. A promise where the database is asked for what is in it.
   */
  answer(ctx: Context, uri: string, group: string): Answer | undefined | Promise<Answer>
}

/** The short way of a change, which has no rule of its own: the handler of its route calls the same functions. */
export interface ShortChange {
  /** JSON where the request has a token, a fragment where it has a session. */
  form: 'json' | 'fragment'
  /** Makes the change. What it throws is said the long way, which then must not make it again. */
  change(ctx: RouteContext): Promise<Answer>
}

export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  /** A short one as a text: Node sends it together with the headers then. */
  body?: Buffer | string
}

/** A message that was posted, in the words that were stored. */
export interface Said {
  message: string
  posted: Posted
}

/** A file that is being sent: read once, as it comes. */
export interface Upload {
  /** Whether it is one JSON document; otherwise its lines are. */
  isDocument: boolean
  bytes: AsyncIterable<Buffer>
  /** Drops what was not read. A browser reads no answer before it has sent everything. */
  end: () => Promise<void>
}

export interface State {
  form: Form
  /** The path of the route that will answer, with the names of its parameters. */
  route?: string
  /** By which the request is found in the log. */
  request: string
  /** What is left of the limits that it was counted under. */
  allowances?: Map<string, Allowance>
  /** What that route is marked with. */
  marks: Marks
  /** Cookies do not count for this request, only its Authorization header if it has one. */
  cookieless: boolean
  user?: User
  /** What identified the user: as the database has it, and as it was sent. */
  identity?: Identity
  credential?: Credential
  /** The id of a session that begins with this answer. */
  begun?: string
  /** The body, once it is being read. */
  body?: Promise<Buffer>
  /** The body's fields, once read. */
  fields?: Fields
  /** The message that is being posted, once it is. */
  posting?: Promise<Said>
  /** The file that is being sent. */
  upload?: Upload
  /** The answer in JSON, where it is put together from pieces. */
  pieces?: readonly Piece[]
  /** The answer is shown in a frame of our own page. */
  isFrame?: boolean
  /** Opens the stream that is the answer. It is called once all headers are set. */
  openStream?: () => void
  /** The token for this page's forms, bound to the browser's session, or to its visit where nobody is signed in. Made by prepareForms. */
  csrf?: string
}

export type Context = Koa.ParameterizedContext<State>
/** The context of a handler, with the parameters of its path. */
export type RouteContext = Context & { params: Readonly<Record<string, string>> }
export type Middleware = Koa.Middleware<State>
