import type { Db } from '../../src/db/schema.js'
import { createSession } from '../../src/db/sessions.js'
import { createToken } from '../../src/db/tokens.js'
import { createUser } from '../../src/db/users.js'
import { sessionCookie } from '../../src/http/sessions.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { hashPassword } from '../../src/passwords.js'
import { type Answer, exchange } from './exchange.js'
import type { Site } from './site.js'

/** What browsers accept, in short. */
const BROWSER = 'text/html,application/xhtml+xml,*/*;q=0.8'

export const PASSWORD = 'correct horse battery'

type Fields = Record<string, string | string[]>

/** A site; where its database is at hand, users can be made there. */
export type SiteForUsers = Pick<Site, 'url'> & Partial<Pick<Site, 'db' | 'secure'>>

/** A browser without JavaScript. It keeps cookies, follows no redirect by itself, and sends forms with the token of the last page. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  csrf = ''
  private readonly site: SiteForUsers

  constructor(site: SiteForUsers) {
    this.site = site
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('GET', path, undefined, { accept: BROWSER, ...headers })
  }

  /** Sends a form as the page's form would. A field `csrf` replaces the page's token. */
  async post(path: string, fields: Fields = {}, headers: Record<string, string> = {}): Promise<Answer> {
    const body = new URLSearchParams()
    for (const [name, value] of Object.entries({ csrf: this.csrf, ...fields })) {
      for (const one of [value].flat()) {
        body.append(name, one)
      }
    }
    return this.send('POST', path, body, { accept: BROWSER, ...headers })
  }

  /** Sends what htmx sends. */
  async htmx(method: string, path: string, fields?: Fields, headers: Record<string, string> = {}): Promise<Answer> {
    const body = fields ? new URLSearchParams(fields as Record<string, string>) : undefined
    return this.send(method, path, body, {
      accept: BROWSER,
      'hx-request': 'true',
      'hx-request-type': 'partial',
      'sec-fetch-site': 'same-origin',
      'x-csrf-token': this.csrf,
      ...headers,
    })
  }

  async send(method: string, path: string, body?: BodyInit, headers: Record<string, string> = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await exchange(at(this.site, path), {
      method,
      headers: { ...headers, ...(cookie ? { cookie } : {}) },
      body,
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) {
        this.cookies.delete(name)
      } else {
        this.cookies.set(name, value)
      }
    }
    this.csrf = /(?:name="csrf" value=|"X-CSRF-Token":)"([^"]+)"/.exec(answer.text)?.[1] ?? this.csrf
    return answer
  }

  /** Makes an account and a session: in the database where there is one, else by the page's form. */
  async signUp(username: string, password = PASSWORD): Promise<this> {
    const { db, secure = false } = this.site
    const user = db && (await createdUser(db, username, password))
    if (user) {
      const key = randomKey()
      await createSession(db, keyHash(key), user, '')
      this.cookies.set(sessionCookie(secure), key)
      await this.get('/')
      return this
    }
    return this.signUpByForm(username, password)
  }

  /** Signs up by the page's form, which also signs in. */
  async signUpByForm(username: string, password = PASSWORD): Promise<this> {
    await this.get('/signup')
    const answer = await this.post('/signup', { username, password })
    if (answer.status !== 303) {
      throw new Error(`Signing up ${username}: ${answer.status} ${answer.text}`)
    }
    await this.get('/')
    return this
  }

  /** Starts a chat by the button and returns its URI. */
  async startChat(): Promise<string> {
    const answer = await this.post('/chats')
    const [, uri] = /^\/chats\/([\w-]+)$/.exec(answer.headers.get('location') ?? '') ?? []
    if (!uri) {
      throw new Error(`Starting a chat: ${answer.status} ${answer.text}`)
    }
    return uri
  }
}

/** A program that calls the API with a token. */
export class Program {
  readonly token: string | undefined
  private readonly site: Pick<Site, 'url'>

  constructor(site: Pick<Site, 'url'>, token?: string) {
    this.site = site
    this.token = token
  }

  /** `body` is sent as JSON. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return exchange(at(this.site, path), {
      method,
      headers: {
        ...(this.token ? { authorization: `Token ${this.token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  }

  /** Starts a chat and returns its URI. */
  async startChat(): Promise<string> {
    return (await this.call('POST', '/api/chats/')).json.uri
  }

  async join(uri: string): Promise<Answer> {
    return this.call('PATCH', `/api/chats/${uri}/`, {})
  }

  async post(uri: string, message: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('POST', `/api/chats/${uri}/messages/`, { message }, headers)
  }
}

/** Signs up and makes a token: in the database where there is one, else by the API. */
export async function signUpProgram(site: SiteForUsers, username: string, password = PASSWORD): Promise<Program> {
  const { db } = site
  const user = db && (await createdUser(db, username, password))
  if (user) {
    const key = randomKey()
    await createToken(db, user, { key_hash: keyHash(key) })
    return new Program(site, key)
  }
  const anyone = new Program(site)
  await anyone.call('POST', '/auth/users/create/', { username, password })
  const { json } = await anyone.call('POST', '/auth/token/create/', { username, password })
  return new Program(site, json.auth_token)
}

/** Hashing a password is much of what tests cost, so the users that are made in the database share one hash. */
let passwordHash: Promise<string> | undefined

/** None where the password is another than that of all, or the name is taken. */
async function createdUser(db: Db, username: string, password: string) {
  if (password !== PASSWORD) {
    return
  }
  passwordHash ??= hashPassword(PASSWORD)
  const password_hash = await passwordHash
  const user = await createUser(db, { username, email: '', password_hash })
  return user && { id: user.id, password_hash }
}

/** The URL of a path. A link may name one already. */
function at({ url }: Pick<Site, 'url'>, path: string): string {
  return /^https?:/.test(path) ? path : url + path
}
