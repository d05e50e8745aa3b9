import { type IncomingHttpHeaders, request } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import zlib from 'node:zlib'
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

/** What asks for gzip. */
export const TAKES = [
  'gzip',
  'GZIP',
  'br, gzip;q=0.5',
  '*',
  'identity;q=0, *;q=0.1',
  'gzip;q=0.001, identity;q=0',
  'x, gzip',
]

/** What does not. */
export const TAKES_NOT = [
  '',
  'identity',
  'gzip;q=0',
  'gzip;q=0, *',
  '*;q=0',
  'identity;q=0',
  'br',
  'gzip;q=x',
  ';;,=',
  'gzipped',
]

/** Notes everything that the program gives to a compressor from now on, until the function that it returns is called. */
export function watchCompressor(seen: string[]): () => void {
  const { deflateRawSync } = zlib
  const note = (input: zlib.InputType, dictionary: unknown) => seen.push(`${dictionary ?? ''}\0${input}`)
  zlib.deflateRawSync = (input, options) => {
    note(input, options?.dictionary)
    return deflateRawSync(input, options)
  }
  syncBuiltinESMExports()
  return () => {
    zlib.deflateRawSync = deflateRawSync
    syncBuiltinESMExports()
  }
}
