import { domainToASCII } from 'node:url'
import { TOP_LEVEL_DOMAINS } from './top-level-domains.js'
import { findAddresses } from './web-addresses.js'

/**
 * Whether the words of a link look like the host of another site than the link leads to, as readers see them. A word with a dot looks like a
 * host if a top-level domain is behind its last dot, unless it is the last part of the link's path: [README.md](https://example.org/README.md).
 */
export function namesAnotherHost(words: string, href: string): boolean {
  const seen = words
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/[。｡]/g, '.')
    .toLowerCase()
  if (!seen.includes('.')) {
    return false
  }
  const own = hostOf(href)
  return (
    findAddresses(seen).some(address => hostOf(address.href) !== own) ||
    [...seen.matchAll(DOTTED)].some(
      ([dotted]) => looksLikeHost(dotted) && withoutWww(domainToASCII(dotted)) !== own && dotted !== lastPartOf(href),
    )
  )
}

/** Longer runs are no host. Each run is matched once, as it can begin only where no other character of it is before. */
const DOTTED =
  /(?<![\p{L}\p{M}\p{N}_.-])[\p{L}\p{N}][\p{L}\p{M}\p{N}_.-]{1,252}(?<=[\p{L}\p{M}\p{N}])(?![\p{L}\p{M}\p{N}_-])/gu

function looksLikeHost(dotted: string): boolean {
  const last = dotted.slice(dotted.lastIndexOf('.') + 1)
  return last !== dotted && (TOP_LEVEL_DOMAINS.has(domainToASCII(last)) || /^(?:\d{1,3}\.){3}\d{1,3}$/.test(dotted))
}

function hostOf(href: string): string {
  const { protocol, hostname, pathname } = new URL(href)
  return withoutWww(protocol === 'mailto:' ? pathname.slice(pathname.indexOf('@') + 1) : hostname)
}

function withoutWww(host: string): string {
  return host.replace(/^www\.|\.$/g, '')
}

/** As it is read. */
function lastPartOf(href: string): string {
  const last = /[^/]*\/?$/.exec(new URL(href).pathname)?.[0].replace(/\/$/, '') ?? ''
  try {
    return decodeURIComponent(last).toLowerCase()
  } catch {
    return last
  }
}
