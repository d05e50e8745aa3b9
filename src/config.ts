import { z } from 'zod'
import { OperatorError } from './operator-error.js'
import { isOrigin } from './urls.js'

const MINUTE = 60
const DAY = 86_400

/**
 * Every limit in one place. A rate is a token bucket: `burst` at once, then one every `seconds`.
 * Sizes are bytes unless they say code points.
 */
export const LIMITS = {
  body: 64 * 1024,
  url: 2048,
  fields: 100,
  /** Of a message as it is sent: line ends are two bytes there, and a character is four at most. */
  messageBytes: 16 * 1024,
  nameBytes: 2048,
  emailBytes: 254,
  /** Of a title, a token's name, a key, a search, the name of a chat that is typed to confirm, and the path of `next`. */
  lineBytes: 2048,
  /** Of a form's token, and of the credential in a cookie or a header. */
  keyBytes: 128,
  sealBytes: 64,
  emojiBytes: 32,
  originBytes: 300,
  messageCodePoints: 2000,
  keyLength: 200,
  nameGraphemes: 50,
  nameCodePoints: 150,
  mentionsPerMessage: 20,
  passwordBytes: 1024,
  chatsPerPage: 30,
  messagesPerPage: 50,
  messagesAround: 5,
  eventsPerPoll: 200,
  messagesPerList: 200,
  messagesPerListAtMost: 1000,
  /** How many messages of a list are read from the database at once: each may have the greatest length. */
  messagesPerRead: 200,
  /** The size of a list in a JSON answer, which has 1 MiB at most, and in a page. */
  listBytes: 1020 * 1024,
  pageBytes: 512 * 1024,
  membersOnPage: 30,
  sessionsOnPage: 100,
  agentLength: 200,
  tokenNameCodePoints: 100,
  chatsSettledAtOnce: 100,
  /** For so long are kept: a guest's chat without a message or a second member, and one without any account that nobody opens. */
  unusedChatHours: 24,
  unopenedChatDays: 180,
  /** What can be said, at most, of how long messages are kept: 100 years. The database has the same as a constraint. */
  keptDays: 36_500,
  /** One more than pages show: 99+. */
  unreadCounted: 100,
  /** How many messages after the last read one are looked at, own ones too. Unread messages behind these are not counted. */
  unreadLookedAt: 1000,
  membersPerPage: 50,
  bansPerPage: 50,
  heirsOnPage: 200,
  titleCodePoints: 200,
  /** A member counts as here for so long after they were seen, which each process writes every 20 s (live/presence.ts). */
  hereSeconds: 80,
  deletedRowsAtOnce: 1000,
  tokensPerUser: 100,
  botsPerChat: 20,
  tokenIdleDays: 90,
  ticketSeconds: 30,
  sessionIdleDays: 30,
  sessionDays: 180,
  resetHours: 24,
  /** For so long a form that is sent again leads where it led the first time. */
  submissionMinutes: 10,
  /** Browsers keep no cookie for longer. */
  cookieDays: 400,
  namesPerDevice: 5,
  searchCodePoints: 200,
  hitsPerPage: 20,
  /** Of chats and of hits, which programs may ask for. */
  itemsPerListAtMost: 100,
  // Searches take database connections from everything else: few at once, and one for each user.
  searchesAtOnce: { atOnce: 4, waiting: 2, waitingInAll: 50 },
  waitingHashes: 50,
  waitingPosts: 1000,
  postsPerCall: 256,
  posts: { burst: 10, seconds: 1 },
  /** Posts that are sent again with their key by those who may not post at this moment: what is stored already costs no turn. */
  repeats: { burst: 50, seconds: 0.1 },
  changes: { burst: 20, seconds: 1 },
  guestPosts: { burst: 5, seconds: 2 },
  chats: { burst: 20, seconds: 30 },
  searches: { burst: 15, seconds: 2 },
  /** Lists of messages that are read and rendered at the same time: as many as there are database connections. */
  listsAtOnce: 16,
  /** An export reads a whole chat. `exportReads`: how many of all exports read the database at the same moment. */
  exports: { burst: 10, seconds: 60 },
  exportsAtOnce: { perUser: 2, inAll: 50 },
  exportReads: 3,
  imports: { burst: 10, seconds: 60 },
  importsAtOnce: 4,
  importLines: 1_000_000,
  importAuthors: 10_000,
  importBytes: 2 * 1024 * 1024 * 1024,
  /** How many events are counted before an export, to tell about how large it will be. */
  eventsCounted: 10_000,
  // Lists and pages are costly. An address may be that of a whole school.
  lists: { burst: 100, seconds: 0.25 },
  addressLists: { burst: 1000, seconds: 0.025 },
  joins: { burst: 30, seconds: 10 },
  reports: { burst: 5, seconds: 10 },
  // Attempts at what has another rate for successes: people mistype.
  tries: { burst: 60, seconds: 1 },
  joinTries: { burst: 60, seconds: 1 },
  renames: { burst: 5, seconds: 10 * MINUTE },
  /** How long a list that is asked for may wait for something new: proxies cut what is silent for 30 s. */
  waitSeconds: 25,
  /** A cursor of all chats of a user leads on for so long. */
  cursorDays: 30,
  streams: { perSession: 5, perUser: 20, perAddress: 100, inAll: 10_000 },
  reads: { burst: 10, seconds: 1 },
  frames: { burst: 3, seconds: 5 },
  typing: { burst: 5, seconds: 2 },
  cursorsAhead: { burst: 20, seconds: 1 },
  /** One for each stream that is opened, all at once after a restart. */
  tickets: { burst: 40, seconds: 1 },
  logins: { burst: 10, seconds: (15 * MINUTE) / 10 },
  guests: { burst: 60, seconds: DAY / 24 / 60 },
  /** Guests who come by the start page. Here the subject is an IPv4 address or an IPv6 /64. */
  startingGuests: { burst: 20, seconds: DAY / 24 / 20 },
  guestChats: { burst: 5, seconds: DAY / 10 },
  signUps: { burst: 30, seconds: DAY / 24 / 30 },
} as const

export type Rate = { readonly burst: number; readonly seconds: number }

export type Config = ReturnType<typeof readConfig>

/**
 * The environment as one typed object (README.md lists the variables).
 * Throws an OperatorError that names each variable that is wrong and says what it should be.
 */
export function readConfig(env: Record<string, string | undefined>) {
  // An empty variable means "not set": that is how shells and compose files unset one.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(given)
  if (!parsed.success) {
    throw new OperatorError(parsed.error.issues.map(issue => `${String(issue.path[0])} ${issue.message}.`).join('\n'))
  }
  const { data } = parsed
  return {
    host: data.HOST,
    port: data.PORT,
    dataDir: data.DATA_DIR,
    databaseUrl: data.DATABASE_URL,
    publicUrl: data.PUBLIC_URL,
    secure: data.PUBLIC_URL?.protocol === 'https:',
    trustedProxies: data.TRUST_PROXY,
    logLevel: data.LOG_LEVEL,
    corsOrigins: data.CORS_ORIGINS,
    limited: data.LIMITS === 'on',
    bus: data.BUS,
    workers: data.WEB_CONCURRENCY,
    securityContact: data.SECURITY_CONTACT,
    drain: data.DRAIN,
    metrics: data.METRICS_PORT === undefined ? undefined : { host: data.METRICS_HOST, port: data.METRICS_PORT },
    tutorial: data.TUTORIAL_PORT === undefined ? undefined : { port: data.TUTORIAL_PORT, links: data.TUTORIAL_LINKS },
  }
}

const integer = (low: number, high: number, sentence: string) =>
  z
    .string()
    .regex(/^\d{1,6}$/, sentence)
    .transform(Number)
    .refine(n => n >= low && n <= high, sentence)

function isBroker(text: string): boolean {
  try {
    const { protocol, hostname, username, password, pathname, search, hash } = new URL(text)
    decodeURIComponent(username + password + pathname)
    return /^amqps?:$/.test(protocol) && hostname !== '' && search + hash === '' && !pathname.slice(1).includes('/')
  } catch {
    return false
  }
}

const listened = z.string().regex(/^[\w.:-]+$/, 'must be an address or a host name to listen on, such as 127.0.0.1')

/** A link as people share it, or its last part alone. */
const LINK = /^(?:https?:\/\/[^\s/]+\/chats\/)?([\w-]{22,64})\/?$/

const variables = z.object({
  HOST: listened.optional(),
  PORT: integer(0, 65_535, 'must be a port number from 0 to 65535').default(8000),
  DATA_DIR: z.string().default('./data'),
  // Not checked by URL, which refuses that of a socket: postgres://user@/chatire?host=/run/postgresql.
  DATABASE_URL: z
    .string()
    .regex(
      /^postgres(ql)?:\/\/\S+$/,
      'must be the URL of a PostgreSQL database, such as postgres://user:password@host:5432/chatire',
    )
    // They would replace the settings that the program needs.
    .refine(url => !/[?&]options=/.test(url), 'must not have options')
    .optional(),
  PUBLIC_URL: z
    .string()
    .refine(
      text => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
      'must be the http or https URL under which people reach the chat',
    )
    .transform(text => new URL(text))
    .refine(
      at => at.pathname === '/' && !at.search && !at.hash && !at.username,
      'must have no path: the chat lives at /, so give only scheme and host, such as https://chat.example.org',
    )
    .optional(),
  TRUST_PROXY: integer(0, 10, 'must be the number of proxies in front, such as 1').default(0),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be one of fatal, error, warn, info, debug, trace, silent',
    })
    .default('info'),
  CORS_ORIGINS: z
    .string()
    .transform(list => list.split(/[\s,]+/).filter(Boolean))
    .refine(
      list => list.every(item => item === '*' || isOrigin(item)),
      'must be * or origins separated by commas, such as https://app.example.org',
    )
    .default([]),
  WEB_CONCURRENCY: integer(1, 64, 'must be a number of processes from 1 to 64').default(1),
  BUS: z
    .union(
      [
        z.enum(['postgres', 'off']),
        z
          .string()
          .refine(isBroker)
          .transform(text => new URL(text)),
      ],
      {
        error:
          'must be postgres, off, or the URL of a RabbitMQ, such as amqp://user:password@host:5672/vhost (amqps for TLS)',
      },
    )
    .default('postgres'),
  DRAIN: integer(0, 300, 'must be a number of seconds from 0 to 300').default(0),
  SECURITY_CONTACT: z
    .string()
    .regex(
      /^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+|tel:\+[\d-]+)$/,
      'must be an address such as mailto:security@example.org or https://example.org/security',
    )
    .optional(),
  METRICS_PORT: integer(0, 65_535, 'must be a port number from 0 to 65535').optional(),
  METRICS_HOST: listened.default('127.0.0.1'),
  TUTORIAL_PORT: integer(0, 65_535, 'must be a port number from 0 to 65535').optional(),
  TUTORIAL_LINKS: z
    .string()
    .transform(list => list.split(/[\s,]+/).filter(Boolean))
    .refine(list => list.every(item => LINK.test(item)), {
      error:
        'must be links of chats separated by commas, such as https://chat.example.org/chats/mZ0p8Qw3Rk6tYv1xB5nJ9A',
      abort: true,
    })
    .transform(list => new Set(list.map(item => item.replace(LINK, '$1'))))
    .default(new Set()),
  LIMITS: z.enum(['on', 'off'], { error: 'must be on or off' }).default('on'),
})

const environment = variables
  .refine(({ TUTORIAL_PORT, TUTORIAL_LINKS }) => TUTORIAL_PORT === undefined || TUTORIAL_LINKS.size > 0, {
    path: ['TUTORIAL_LINKS'],
    error: 'must name the chats that are read at TUTORIAL_PORT without signing in: none are unless they are named',
  })
  .refine(({ TUTORIAL_PORT, TUTORIAL_LINKS }) => TUTORIAL_PORT !== undefined || TUTORIAL_LINKS.size === 0, {
    path: ['TUTORIAL_PORT'],
    error: 'must be set where TUTORIAL_LINKS is, such as 8081',
  })
  .refine(({ PORT, TUTORIAL_PORT }) => TUTORIAL_PORT === 0 || TUTORIAL_PORT !== PORT, {
    path: ['TUTORIAL_PORT'],
    error: 'must be another port than PORT',
  })
