import { domainToUnicode } from 'node:url'
import { parsedUrl } from '../urls.js'
import { characterAt, characterBefore, isUnspaced, mixesAlphabets } from './characters.js'

/** An address in a text: from `start` to before `end`, in UTF-16 units, and the URL that it leads to. */
export interface Address {
  start: number
  end: number
  href: string
}

/** What was read: up to where, and the address in it, if there is one. */
interface Read {
  end: number
  address?: Address | undefined
}

/**
 * The addresses of a text that are links without markup, in order: http, https and mailto addresses, what begins with www., and e-mail
 * addresses. A word with a dot is not enough: README.md is a file, and also a site. Each candidate is read once and the search goes on
 * behind it, so the work is linear.
 */
export function findAddresses(text: string): Address[] {
  const found: Address[] = []
  let done = 0
  for (const { 0: beginning, index } of text.matchAll(BEGINNING)) {
    if (index >= done) {
      const { end, address } = read(text, index, beginning.toLowerCase(), done)
      done = Math.max(end, index + beginning.length)
      found.push(...(address ? [address] : []))
    }
  }
  return found
}

function read(text: string, at: number, beginning: string, done: number): Read {
  switch (beginning) {
    case '@':
      return mailboxAround(text, at, done)
    case 'mailto:':
      return mailtoAt(text, at)
    case 'www.':
      return isWordBefore(text, at) ? { end: at } : siteAt(text, at, at, 'https://')
    default:
      return siteAt(text, at, at + beginning.length, '')
  }
}

const BEGINNING =
  /(?<![A-Za-z0-9])(?:https?:\/\/|mailto:)|(?<![A-Za-z0-9_./@:-])www\.(?=[^\s.])|(?<=[A-Za-z0-9_+%-])@(?=[A-Za-z0-9])/gi

const LABEL = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}_-]*[\\p{L}\\p{M}\\p{N}])?'
const HOST = `\\[[0-9a-fA-F:.]{2,45}\\]|${LABEL}(?:\\.${LABEL})*`
const HOST_HERE = new RegExp(HOST, 'uy')
const PORT = /:\d{1,5}(?!\d)/y

/** The host goes on behind what was read of it, or it was a user or a password: nothing of it is a link. */
const GOES_ON = /\p{Default_Ignorable_Code_Point}*(?:\.{0,2}[\p{L}\p{M}\p{N}]|[@%]|:[A-Za-z0-9]|:[^\s/?#@]*@)/uy
const DOT_OF_IDEOGRAPHS = /[．。｡][\p{L}\p{N}]/uy

/**
 * What follows the host: ASCII without < > " ` \ | and **, letters, marks and digits of every script, the dashes and joiners that stand
 * between letters in the names of pages, and signs that the address goes on behind.
 */
const REST =
  /(?:(?!\*\*)[!#$%&'()*+,\-./0-9:;=?@A-Z[\]^_a-z{}~]|[·‐–׳״・\u200c\u200d](?=[\p{L}\p{N}])|(?![\0-\x7f])\p{S}(?=[/_)=&-])|(?![\0-\x7f\p{Default_Ignorable_Code_Point}])[\p{L}\p{M}\p{N}])*/uy

/** The address whose host begins at `from`. `scheme`: what was left out before it. */
function siteAt(text: string, start: number, from: number, scheme: string): Read {
  const whole = here(HOST_HERE, text, from)
  const host = withoutSentenceBehind(whole)
  let end = from + host.length
  if (host === whole) {
    // The dot of the root: https://example.com./
    end += here(/\.(?=[/?#]|:\d)/y, text, end).length
    end += here(PORT, text, end).length
    const isCut = here(GOES_ON, text, end) !== '' || (!host.includes('.') && here(DOT_OF_IDEOGRAPHS, text, end) !== '')
    if (host === '' || isCut) {
      return { end: end + here(REST, text, end).length }
    }
    end += /[/?#]/.test(text.charAt(end)) ? here(REST, text, end).length : 0
  }
  end = withoutPunctuation(text, start, end)
  return { end, address: addressOf(text, start, end, scheme) }
}

/** 然后 behind example.com is the sentence going on: ASCII letters and a script without spaces make no label at a host's end. */
function withoutSentenceBehind(host: string): string {
  const last = host.lastIndexOf('.') + 1
  const ascii = here(/[A-Za-z0-9-]*[A-Za-z0-9]/y, host, last).length
  return last > 0 && ascii > 0 && isUnspaced(characterAt(host, last + ascii)) ? host.slice(0, last + ascii) : host
}

const LOCAL = '[A-Za-z0-9_](?:[A-Za-z0-9_.+%-]{0,62}[A-Za-z0-9_+%-])?'
const DOMAIN = '(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]{2,24}(?![A-Za-z0-9-])'
const MAILTO = new RegExp(`mailto:${LOCAL}@${DOMAIN}(?:\\?[!#$%&'()*+,\\-./0-9:;=?@A-Z_a-z~]*)?`, 'iy')
const DOMAIN_HERE = new RegExp(DOMAIN, 'y')

function mailtoAt(text: string, at: number): Read {
  const typed = here(MAILTO, text, at)
  const end = withoutPunctuation(text, at, at + typed.length)
  return { end, address: addressOf(text, at, end, '') }
}

/** The e-mail address around an @. git@github.com:a/b, user@host/path and @ann@site.example are none. */
function mailboxAround(text: string, at: number, done: number): Read {
  const end = at + 1 + here(DOMAIN_HERE, text, at + 1).length
  let start = at
  while (start > Math.max(done, at - 64) && /[A-Za-z0-9_.+%-]/.test(text.charAt(start - 1))) {
    start--
  }
  start += here(/[.+%-]*/y, text, start).length
  const [before, behind] = [characterBefore(text, start), characterAt(text, end)]
  const isLogin = before === ':' && !isUnspaced(characterBefore(text, start - 1))
  const isPart = isWordBefore(text, start) || /^[A-Za-z0-9_.+%@/-]$/.test(before) || isLogin
  if (end === at + 1 || isPart || isWord(behind) || /^(?:[:/]\S|@)/.test(text.slice(end, end + 2))) {
    return { end }
  }
  return { end, address: addressOf(text, start, end, 'mailto:') }
}

function addressOf(text: string, start: number, end: number, scheme: string): Address | undefined {
  const href = linkTarget(scheme + text.slice(start, end))
  return href === undefined ? undefined : { start, end, href }
}

/** What the pattern finds at that place; '' if nothing. */
function here(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}

/** Whether a letter of a script with spaces stands there: then what follows is part of a word. */
function isWordBefore(text: string, at: number): boolean {
  return isWord(characterBefore(text, at))
}

function isWord(character: string): boolean {
  return /^[\p{L}\p{M}\p{N}]$/u.test(character) && !isUnspaced(character)
}

const OPENING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

/**
 * Where the address ends: before a bracket that nothing in it opened, and before the punctuation of its sentence. An underscore belongs to
 * it unless one stands before the address.
 */
function withoutPunctuation(text: string, start: number, most: number): number {
  const opened: Record<string, number> = { '(': 0, '[': 0, '{': 0 }
  let end = start
  for (; end < most; end++) {
    const sign = text.charAt(end)
    const opening = OPENING[sign]
    if (sign in opened) {
      opened[sign] = (opened[sign] ?? 0) + 1
    } else if (opening) {
      const left = (opened[opening] ?? 0) - 1
      if (left < 0) {
        break
      }
      opened[opening] = left
    }
  }
  const punctuation = text.charAt(start - 1) === '_' ? /[.,:;!?'*~([{_]/ : /[.,:;!?'*~([{]/
  for (let last = characterBefore(text, end); punctuation.test(last) || /[^\0-\x7f\P{S}]/u.test(last); ) {
    end -= last.length
    last = characterBefore(text, end)
  }
  return end
}

const SITE = new RegExp(`^https?://(${HOST})\\.?(?::\\d{1,5})?(?:[/?#][^\\s\\\\]*)?$`, 'iu')

/** The longest name that DNS has. Converting a host to ASCII takes quadratic time. */
const HOST_LENGTH = 253

/**
 * The URL of an address, if it can be a link: http, https or mailto, without a user, and to the very host that is written there, whose
 * labels have letters of one alphabet. The URL parser of browsers has the last word.
 */
export function linkTarget(address: string): string | undefined {
  const host = SITE.exec(address)?.[1]
  const isMail = host === undefined && here(MAILTO, address, 0) === address && address !== ''
  const url = (host === undefined && !isMail) || (host ?? '').length > HOST_LENGTH ? undefined : parsedUrl(address)
  if (!url) {
    return undefined
  }
  return isMail || isSame(host ?? '', url.hostname) ? url.href.replaceAll('`', '%60') : undefined
}

/** 0x7f.1 and ｅxample.com are hosts for parsers, and lead elsewhere than people read. */
function isSame(typed: string, parsed: string): boolean {
  const host = typed.toLowerCase().normalize('NFC')
  const bare = parsed.replace(/\.$/, '')
  return (
    host.startsWith('[') || host === bare || (host === domainToUnicode(bare) && !host.split('.').some(mixesAlphabets))
  )
}
