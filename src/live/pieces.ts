import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, deflateRawSync } from 'node:zlib'
import { remembering } from '../remembering.js'

/** A part of a document, ready for answers in plain and for answers in gzip. */
export interface Piece {
  readonly text: string
  /** The text as blocks of DEFLATE (RFC 1951) that end on a whole byte, so that others can follow. */
  readonly blocks: Buffer
  /** Of the text's bytes in UTF-8. */
  readonly crc: number
  readonly length: number
}

/** The most that one stored block can hold, in bytes. */
const STORED_AT_MOST = 0xffff

/**
 * A piece that is compressed here, once for all answers that it becomes part of. It may repeat what is in `before`, the text that must stand
 * right before it in every one of them, with zeros for bytes that are not known: no text of ours has zeros, so it does not repeat these.
 * Neither may be a secret: how long a piece becomes tells what the two have in common.
 */
export function compressed(text: string, before = ''): Piece {
  return pieceOf(text, deflateRawSync(text, { ...FLUSHED, ...behind(before) }))
}

/** The same for one answer alone: in half the time, a tenth longer, and a long one in another thread. */
async function compressedFast(text: string, before: string): Promise<Piece> {
  const options = { ...FLUSHED, ...behind(before), level: 1 }
  return pieceOf(text, text.length > LONG ? await deflateElsewhere(text, options) : deflateRawSync(text, options))
}

const deflateElsewhere = promisify(deflateRaw)

/** Takes about half a millisecond to compress, in characters. */
const LONG = 50_000

/** The blocks end on a whole byte. */
const FLUSHED = { finishFlush: constants.Z_SYNC_FLUSH }

/** zlib repeats nothing that stands farther back. */
const WINDOW = 0x8000

function behind(before: string) {
  return before ? { dictionary: Buffer.from(before.slice(-WINDOW)).subarray(-WINDOW) } : {}
}

function pieceOf(text: string, blocks: Buffer): Piece {
  const bytes = Buffer.from(text)
  // Copied, as what zlib returns is a part of 16 kB that would be kept with it.
  return { text, blocks: Buffer.concat([blocks]), crc: crc32(bytes), length: bytes.length }
}

/** The text as a piece with the URI stored, wherever it stands in it. */
export function compressedAround(text: string, uri: string): Piece {
  const parts = partsAround(text, [uri])
  if (parts.length > PARTS_AT_MOST) {
    return stored(text)
  }
  const pieces = parts.map(({ part, before, isUri }) => (isUri ? storedAgain(part) : compressed(part, before)))
  return { ...joined(pieces), text }
}

/** The same for one answer alone. */
export async function fastAround(text: string, uris: readonly string[]): Promise<Piece[]> {
  const parts = partsAround(text, uris)
  if (parts.length > PARTS_AT_MOST) {
    return [stored(text)]
  }
  return Promise.all(parts.map(({ part, before, isUri }) => (isUri ? storedAgain(part) : compressedFast(part, before))))
}

/** A text that names URIs more often is stored: a message can be full of them, and each part takes the compressor as long as 1 kB. */
const PARTS_AT_MOST = 100

/** A text cut at the URIs, and what stands before each part, with zeros for them. */
function partsAround(text: string, uris: readonly string[]) {
  let before = ''
  return text.split(new RegExp(`(${uris.join('|')})`)).map((part, place) => {
    const isUri = place % 2 === 1
    const made = { part, before, isUri }
    before = (before + (isUri ? '\0'.repeat(part.length) : part)).slice(-WINDOW)
    return made
  })
}

/** A piece as it is: it takes as many bytes as its text, and 5 for each block, whatever the text is. */
export function stored(text: string): Piece {
  const bytes = Buffer.from(text)
  const blocks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += STORED_AT_MOST) {
    const part = bytes.subarray(at, at + STORED_AT_MOST)
    blocks.push(storedHead(0, part.length), part)
  }
  return { text, blocks: Buffer.concat(blocks), crc: crc32(bytes), length: bytes.length }
}

/** The same for a short text that many answers have. */
export const storedAgain = remembering(10_000, stored)

/** The pieces as one. It takes the place of all of them in an answer. */
export function joined(pieces: readonly Piece[]): Piece {
  return {
    // Added up and not joined: so it refers to their texts, and is no copy of them.
    text: pieces.reduce((text, piece) => text + piece.text, ''),
    blocks: Buffer.concat(pieces.map(({ blocks }) => blocks)),
    ...sumOf(pieces),
  }
}

/** What the pieces say, in plain. */
export function plainOf(pieces: readonly Piece[]): Buffer {
  return Buffer.from(pieces.map(({ text }) => text).join(''))
}

/** The same as a file in gzip (RFC 1952). Nothing is compressed here. */
export function gzipOf(pieces: readonly Piece[]): Buffer {
  const { crc, length } = sumOf(pieces)
  const end = Buffer.alloc(8)
  end.writeUInt32LE(crc, 0)
  end.writeUInt32LE(length % 2 ** 32, 4)
  return Buffer.concat([HEAD, ...pieces.map(({ blocks }) => blocks), LAST, end])
}

/** Without a name and a time, made by an unknown system. */
const HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])

function storedHead(isLast: 0 | 1, length: number): Buffer {
  const head = Buffer.alloc(5)
  head[0] = isLast
  head.writeUInt16LE(length, 1)
  head.writeUInt16LE(length ^ 0xffff, 3)
  return head
}

/** An empty block that says that none follows. */
const LAST = storedHead(1, 0)

function sumOf(pieces: readonly Piece[]) {
  let crc = 0
  let length = 0
  for (const piece of pieces) {
    crc = (moved(crc, piece.length) ^ piece.crc) >>> 0
    length += piece.length
  }
  return { crc, length }
}

/*
 * A CRC is the rest of a division of polynomials over GF(2), so that of two texts one after another follows from those of each: the first
 * is moved past the second, by multiplying it with x to the power of as many bits as the second has (zlib's crc32_combine).
 */

/** The divisor. The highest power stands in the lowest bit, here as in every CRC. */
const DIVISOR = 0xedb88320

/** a * b, divided. */
function times(a: number, b: number): number {
  let product = 0
  for (let power = 0x80000000; power !== 0; power >>>= 1) {
    if (a & power) {
      product ^= b
    }
    b = b & 1 ? (b >>> 1) ^ DIVISOR : b >>> 1
  }
  return product >>> 0
}

/** x^1, x^2, x^4 and so on. After 32 of them they begin again. */
const SQUARES = [0x40000000]
while (SQUARES.length < 32) {
  const last = SQUARES.at(-1) ?? 0
  SQUARES.push(times(last, last))
}

/** x^(8 * bytes). */
function powerOf(bytes: number): number {
  let power = 0x80000000
  for (let left = bytes, square = 3; left > 0; left = Math.floor(left / 2), square++) {
    if (left % 2 === 1) {
      power = times(SQUARES[square % 32] ?? 0, power)
    }
  }
  return power
}

/**
 * What each four bits of a CRC become when it is moved past so many bytes: bit by bit takes ten times as long. Pages repeat few lengths, as
 * their secrets are as long as each other, and their other pieces are the same.
 */
const shiftOf = remembering(2000, (bytes: number) => {
  const shift = new Uint32Array(128)
  let product = powerOf(bytes)
  for (let bit = 31; bit >= 0; bit--) {
    const place = (bit >>> 2) * 16
    for (let four = 0; four < 16; four++) {
      if (four & (1 << (bit & 3))) {
        shift[place + four] = (shift[place + four] ?? 0) ^ product
      }
    }
    product = product & 1 ? (product >>> 1) ^ DIVISOR : product >>> 1
  }
  return shift
})

/** The CRC moved past so many bytes. */
function moved(crc: number, bytes: number): number {
  const shift = shiftOf(bytes)
  let sum = 0
  for (let place = 0, left = crc; place < 128; place += 16, left >>>= 4) {
    sum ^= shift[place + (left & 15)] ?? 0
  }
  return sum
}
