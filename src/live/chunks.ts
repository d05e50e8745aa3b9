import type { Format } from './response-stream.js'

/**
 * The same format in chunks (RFC 9112, section 7.1), for readers of HTTP/1.1. Some programs read a response without chunks in blocks of
 * some hundred bytes, and would get an event only when the next ones fill the block.
 */
export function chunked(format: Format): Format {
  const { kind, key, opening, events, prepare, told, typing, heartbeat, ending } = format
  return {
    kind,
    key: `${key} in chunks`,
    isChunked: true,
    opening: after => chunk(opening(after)),
    events: (entries, user_id) => chunk(events(entries, user_id)),
    prepare,
    ...(told ? { told: items => chunk(told(items)) } : {}),
    ...(typing ? { typing: typist => chunk(typing(typist)) } : {}),
    heartbeat: version => chunk(heartbeat(version)),
    ending: (reason, retry) => `${chunk(ending(reason, retry))}0\r\n\r\n`,
  }
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}
