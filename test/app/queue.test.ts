import assert from 'node:assert/strict'
import { fateOf, goesByItself, nextToSend, pauseAfter, timeAfter } from '../../static/app/queue.js'

const NOW = 1_800_000_000_000
const MINUTE = 60_000

describe('what waits to be sent', () => {
  const message = (key: string, ago: number, refused = false) => ({ key, text: key, at: NOW - ago, refused })

  it('goes in its order', () => {
    assert.equal(nextToSend([message('b', 20), message('a', 10)], NOW)?.key, 'b')
    assert.equal(nextToSend([], NOW), undefined)
  })

  it('does not go by itself an hour later, nor once it was refused', () => {
    assert.equal(goesByItself(message('a', 59 * MINUTE), NOW), true)
    assert.equal(goesByItself(message('a', 60 * MINUTE), NOW), false)
    assert.equal(goesByItself(message('a', 0, true), NOW), false)
    assert.equal(nextToSend([message('a', 61 * MINUTE), message('b', 2, true), message('c', 1)], NOW)?.key, 'c')
  })

  it('goes also where the clock was set back since, and what is sent then is behind it', () => {
    const ahead = message('a', -24 * 60 * MINUTE)
    assert.equal(goesByItself(ahead, NOW), true)
    assert.equal(timeAfter([ahead], NOW), ahead.at + 1)
    assert.equal(timeAfter([message('a', 1)], NOW), NOW)
    assert.equal(timeAfter([message('a', 0)], NOW), NOW + 1)
  })
})

describe('what an answer means for a message', () => {
  const fates = (isOurs: boolean, isStale = false) =>
    Object.fromEntries(
      [0, 200, 201, 204, 400, 401, 403, 404, 413, 422, 429, 500, 502, 503].map(status => [
        status,
        fateOf({ status, isOurs, isStale }),
      ]),
    )

  it('goes by the status', () => {
    assert.deepEqual(fates(true), {
      0: 'again',
      200: 'stored',
      201: 'stored',
      204: 'stored',
      400: 'refused',
      401: 'signed out',
      403: 'refused',
      404: 'gone',
      413: 'refused',
      422: 'refused',
      429: 'again',
      500: 'again',
      502: 'again',
      503: 'again',
    })
    assert.equal(fates(true, true)[403], 'stale')
  })

  it('is nothing where somebody else answered', () => {
    assert.deepEqual([...new Set(Object.values(fates(false)))], ['again'])
  })
})

describe('the pause before the next try', () => {
  it('grows from a second to half a minute, and is not the same for all', () => {
    const shortest = [1, 2, 3, 4, 5, 6, 50, 5000].map(failures => pauseAfter(failures, 0))
    assert.deepEqual(shortest, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
    assert.equal(pauseAfter(1, 0.5), 1250)
    assert.equal(pauseAfter(5000, 1), 30_000)
  })
})
