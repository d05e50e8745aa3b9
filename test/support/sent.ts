import { type IncomingHttpHeaders, request } from 'node:http'
import type { Site } from './site.js'

/** An answer as it was sent: compressed where it was. */
export interface SentAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Asks for it with these headers and no others. */
export function asSent(
  site: Pick<Site, 'url'>,
  path: string,
  headers: Record<string, string>,
  method = 'GET',
): Promise<SentAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(site.url + path, { method, headers }, async answer => {
      resolve({
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        body: Buffer.concat(await answer.toArray()),
      })
    })
    sent.on('error', reject).end()
  })
}
