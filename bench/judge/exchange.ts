import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'

/** How long anything waits for the next byte, in milliseconds. Polls that wait for news take up to 25 s. */
export const SILENCE = 40_000

/** An answer that was read to its end. */
export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

export interface Asked {
  method: string
  path: string
  headers: Record<string, string>
  body?: string
}

/** The connection broke before there was an answer, or within it. */
export class Broken extends Error {
  /** It had been idle, and the server closed it before the request came there: that is the right of both, and no fault. */
  readonly wasIdle: boolean

  constructor(message: string, wasIdle = false) {
    super(message)
    this.wasIdle = wasIdle
  }
}

/** Sends one request and reads the whole answer. Throws Broken. */
export async function exchange(url: string, agent: Agent, asked: Asked): Promise<Answer> {
  const response = await begin(url, agent, asked)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) {
      chunks.push(chunk)
    }
  } catch (error) {
    throw new Broken(`was cut off within its answer (${(error as Error).message})`)
  }
  if (!response.complete) {
    throw new Broken('was cut off within its answer')
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  }
}

/** Sends one request and resolves with the beginning of its answer. Throws Broken. `agent`: false for a connection of its own. */
export function begin(
  url: string,
  agent: Agent | false,
  { method, path, headers, body }: Asked,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    // Caddy would ask for gzip itself, and unpack it: then no answer says how long it is.
    const encoding = { 'accept-encoding': 'identity' }
    const asked = request(url + path, { method, agent, headers: { ...encoding, ...headers, ...length } }, response => {
      if (isOfProxy(response)) {
        response.resume()
        reject(new Broken(`got no answer (the proxy says ${response.statusCode})`))
      } else {
        resolve(response)
      }
    })
    asked.setTimeout(SILENCE, () => asked.destroy(new Error(`silent for ${SILENCE / 1000} s`)))
    // After the answer has begun, the answer itself tells of errors.
    asked.on('error', (error: NodeJS.ErrnoException) => {
      reject(new Broken(`got no answer (${error.message})`, asked.reusedSocket && error.code === 'ECONNRESET'))
    })
    asked.end(body)
  })
}

/** Whether the answer says properly that this cannot be done now: 503, and when to come back. */
export function isUnavailable({ status, headers }: Pick<Answer, 'status' | 'headers'>): boolean {
  return status === 503 && /^\d+$/.test(headers['retry-after'] ?? '')
}

/**
 * Whether a proxy says by itself that it did not get an answer of the program, which has no 502 and 504. Caddy says 503 where it holds all machines
 * for gone, as a busy one was late to say that it is ready. One of the program says of what type it is.
 */
export function isOfProxy({ statusCode = 0, headers }: Pick<IncomingMessage, 'statusCode' | 'headers'>): boolean {
  const server = String(headers.server)
  return [502, 504].includes(statusCode)
    ? /^(nginx|Caddy)/.test(server)
    : statusCode === 503 && server === 'Caddy' && headers['content-type'] === undefined
}

/** What is wrong with an answer that should be JSON; undefined if nothing is. */
export function jsonFault({ headers, body }: Answer): string | undefined {
  if (headers['content-type'] !== 'application/json; charset=utf-8') {
    return `is of the type ${headers['content-type']}`
  }
  if (Number(headers['content-length']) !== Buffer.byteLength(body)) {
    return `says that it is ${headers['content-length']} bytes long, and is ${Buffer.byteLength(body)}`
  }
  try {
    JSON.parse(body)
    return undefined
  } catch {
    return `is no JSON: ${shorten(body)}`
  }
}

export function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
