import type { LinkifyIt } from 'linkify-it'

/** The URL of an address, if it can be a link: http, https or mailto. The URL parser of browsers finds the scheme, not a pattern of ours. */
export function linkTarget(address: string): string | undefined {
  if (LONG_HOST.test(address) || !URL.canParse(address)) {
    return undefined
  }
  const url = new URL(address)
  return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href.replaceAll('`', '%60') : undefined
}

/** Longer than the host of any site. Converting a host to ASCII takes quadratic time. */
const LONG_HOST = /^https?:[/\\]*[^/\\?#]{300}/i

/** The host that an address leads to, or the whole mailto URL; empty if it leads nowhere. */
export function siteOf(address: string): string {
  const target = linkTarget(address)
  return target ? new URL(target).host || target : ''
}

/**
 * Sets what is a link without markup: http, https and mailto addresses, e-mail addresses, and what begins with www. A word with a dot is
 * not enough: README.md is a file, and also a site. The patterns are ours, as those of the library try each part of a host in several
 * ways, in all combinations.
 */
export function findBareLinks(linkify: LinkifyIt) {
  // The rule that calls this goes on behind the match by the length of its URL. So the URL must be what was typed.
  const matchAtStart = linkify.matchAtStart.bind(linkify)
  linkify.matchAtStart = text => {
    const match = matchAtStart(text)
    return match && match.url === match.raw ? match : null
  }
  const letter = linkify.re.get_pseudo_letter().source
  linkify.re.get_domain = () => new RegExp(`${letter}(?:(?:-|${letter}){0,61}${letter})?`)
  linkify
    .set({ fuzzyLink: false })
    .add('ftp:', null)
    .add('//', null)
    .add('http:', { validate: (text, pos) => lengthAt(WEB, text, pos) })
    .add('https:', { validate: (text, pos) => lengthAt(WEB, text, pos) })
    .add('www.', {
      validate: (text, pos) => lengthAt(SITE, text, pos),
      normalize(match) {
        match.url = `https://${match.url}`
      },
    })
}

const LABEL = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}_-]{0,61}[\\p{L}\\p{M}\\p{N}])?'
const HOST = `${LABEL}(?:\\.${LABEL}){0,9}`
const PATH = '(?:[/?#][^\\s\\p{Cc}<>"`]*)?'
const WEB = new RegExp(`//(?:${HOST}|\\[[0-9a-f:.]{2,45}\\])(?::\\d{1,5})?${PATH}`, 'iuy')
const SITE = new RegExp(`${HOST}${PATH}`, 'iuy')

/** The length of the address at `pos`, without the punctuation of its sentence and the brackets around it. */
function lengthAt(pattern: RegExp, text: string, pos: number): number {
  pattern.lastIndex = pos
  const [address = ''] = pattern.exec(text) ?? []
  let end = address.length
  const left = new Map(['(', ')', '[', ']', '{', '}'].map(bracket => [bracket, address.split(bracket).length - 1]))
  for (; end > 0; end--) {
    const last = address[end - 1] ?? ''
    const opening = OPENING[last]
    if (opening ? (left.get(last) ?? 0) <= (left.get(opening) ?? 0) : !/[.,:;?!'*_~]/.test(last)) {
      break
    }
    left.set(last, (left.get(last) ?? 0) - 1)
  }
  return end
}

const OPENING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }
