import { networkInterfaces } from 'node:os'
import type { Config } from './config.js'
import type { Context } from './context.js'

/** How long they are believed to stay the same, in milliseconds: asking costs as much as half a page. */
const ADDRESSES_HOLD = 10_000

let asked = { at: Number.NEGATIVE_INFINITY, addresses: [] as string[] }

/** The IPv4 addresses under which other machines of the local network can reach this one. */
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
 * The URL to share a path by: PUBLIC_URL's where it is set; else the one by which the visitor came, with a LAN address in
 * the place of a loopback one, which nobody else could open.
 */
export function shareUrl(ctx: Context, { publicUrl, host }: Config, path: string): string {
  if (publicUrl) {
    return new URL(path, publicUrl).href
  }
  const base = `${ctx.protocol}://${ctx.host}`
  // The Host header is whatever the sender likes.
  const url = new URL(path, URL.canParse(base) ? base : 'http://localhost')
  if (/^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname) && host === undefined) {
    url.hostname = lanAddresses()[0] ?? url.hostname
  }
  return url.href
}

/** The visitor's address; of IPv6 the /64 that one subscriber has. */
export function addressOf(ctx: Context): string {
  const address = ctx.ip.replace(/^::ffff:/, '')
  return address.includes(':') ? expand(address).slice(0, 4).join(':') : address
}

function expand(address: string): string[] {
  const [head = '', tail] = address.split('::')
  const left = head.split(':').filter(Boolean)
  const right = (tail ?? '').split(':').filter(Boolean)
  return [...left, ...Array(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
}
