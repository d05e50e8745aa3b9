import { Transform } from 'node:stream'

/** Lets everything through, and tells how many bytes have come. */
export function counting(advance: (bytes: number) => void): Transform {
  return new Transform({
    transform(chunk, _encoding, done) {
      advance(chunk.length)
      done(null, chunk)
    },
  })
}
