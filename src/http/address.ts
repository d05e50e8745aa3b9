import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { Config } from '../config.js'
import { remembering } from '../remembering.js'
import { parsedUrl } from '../urls.js'
import type { Context } from './context.js'

/** How long the addresses are kept in memory, in milliseconds. To read them costs as much as half a page. */
const ADDRESSES_HOLD = 10_000

let asked = { at: Number.NEGATIVE_INFINITY, addresses: [] as string[] }

/** The IPv4 addresses by which other machines of the local network can reach this one. */
export function lanAddresses(): string[] {
  if (performance.now() - asked.at > ADDRESSES_HOLD) {
    asked = { at: performance.now(), addresses: askAddresses() }
  }
  return asked.addresses
}

function askAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'))
    .map(({ address }) => address)
}

/**
 * The URL to share a path by. It begins as PUBLIC_URL where that is set, else as the URL that the visitor used. A loopback address is
 * replaced by one of the local network, as other machines could not open it.
 */
export function shareUrl(ctx: Context, { publicUrl, host }: Config, path: string): string {
  if (publicUrl) {
    return new URL(path, publicUrl).href
  }
  const url = new URL(path, siteOf(ctx))
  if (/^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname) && host === undefined) {
    url.hostname = lanAddresses()[0] ?? url.hostname
  }
  return url.href
}

/** The URL of a path of this site: as PUBLIC_URL begins, else as the URL that the sender used. */
export function absolute({ config }: { config: Config }, ctx: Context, path: string): string {
  return new URL(path, config.publicUrl ?? siteOf(ctx)).href
}

/** What the sender calls this site, who can write anything into the Host header. */
function siteOf(ctx: Context): URL {
  return parsedUrl(`${ctx.secure ? 'https' : 'http'}://${hostOf(ctx)}`) ?? new URL('http://localhost')
}

/** Says where a list goes on (RFC 8288). */
export function linkTo(parts: { config: Config }, ctx: Context, path: string, rel: 'next' | 'prev') {
  ctx.set('Link', `<${absolute(parts, ctx, path)}>; rel="${rel}"`)
}

/** The host that the request was sent to. Only the Host header counts: a proxy may pass on an X-Forwarded-Host that a client made up. */
export function hostOf(ctx: Context): string {
  return ctx.get('host').toLowerCase()
}

/**
 * The visitor's address as rate limits count it, in one form however a proxy writes it. Of IPv6 it is the /48: a provider may give that much to
 * one subscriber (RFC 6177), who can use another address for each request. Of local addresses it is the /64, as a /48 is a whole site.
 */
export function addressOf(ctx: Context): string {
  return subjectOf(ctx, 3)
}

/** The same, except that of all IPv6 addresses it is the /64: one home or office. */
export function networkOf(ctx: Context): string {
  return subjectOf(ctx, 4)
}

/** `parts`: how many groups of 16 bits of an IPv6 address count. */
function subjectOf(ctx: Context, parts: 3 | 4): string {
  // Where the proxy names no valid address, the request counts as the proxy's own.
  const remembered = subjects[parts]
  return remembered(ctx.ip) || remembered(ctx.req.socket.remoteAddress ?? '')
}

const subjects = {
  3: remembering(10_000, (written: string) => read(written, 3) ?? ''),
  4: remembering(10_000, (written: string) => read(written, 4) ?? ''),
}

function read(written: string, parts: 3 | 4): string | undefined {
  const [, inBrackets, beforePort] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(written) ?? []
  const text = inBrackets ?? beforePort ?? written
  if (!ipaddr.isValid(text)) {
    return undefined
  }
  const address = ipaddr.process(text)
  if (address instanceof ipaddr.IPv4) {
    return address.toString()
  }
  const isLocal = ['uniqueLocal', 'linkLocal'].includes(address.range())
  return address.parts
    .slice(0, isLocal ? 4 : parts)
    .map(part => part.toString(16))
    .join(':')
}
