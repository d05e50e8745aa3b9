import { request } from 'node:http'
import type { Site } from '../support/site.js'

interface RawAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

/** Sends what fetch would not: a path or a Host as it is, any method. */
export function sendRaw(
  site: Pick<Site, 'url'>,
  { method = 'GET', path, headers = {}, body }: RawRequest,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(site.url)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, setHost: headers.host === undefined }, answer => {
      const chunks: Buffer[] = []
      answer.on('data', chunk => chunks.push(chunk))
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

interface RawRequest {
  method?: string
  path: string
  headers?: Record<string, string>
  body?: string
}
