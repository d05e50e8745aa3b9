import assert from 'node:assert/strict'
import { userQueue } from '../../src/http/queues.js'

describe('the queue of users', () => {
  it('does the work of each user in order, one at a time, and that of a few users at once', async () => {
    const queue = userQueue({ atOnce: 2, waiting: 2, waitingInAll: 10 })
    const begun: string[] = []
    const ends: (() => void)[] = []
    const work = (name: string) => () => {
      begun.push(name)
      return new Promise<void>(resolve => ends.push(resolve))
    }
    const done = [
      queue(1, work('a')),
      queue(1, work('b')),
      queue(1, work('c')),
      queue(2, work('d')),
      queue(3, work('e')),
    ]
    assert.equal(queue(1, work('one too many')), undefined)
    for (const expected of [2, 3, 4, 4, 5]) {
      for (let n = 0; n < 10; n++) {
        await new Promise(setImmediate)
      }
      assert.equal(begun.length, expected, begun.join(' '))
      ends.shift()?.()
    }
    await Promise.all(done)
    assert.deepEqual(begun.slice(0, 2), ['a', 'd'])
    assert.deepEqual(
      begun.filter(name => 'abc'.includes(name)),
      ['a', 'b', 'c'],
    )
  })

  it('goes on after work that fails', async () => {
    const queue = userQueue({ atOnce: 1, waiting: 1, waitingInAll: 1 })
    await assert.rejects(queue(1, async () => Promise.reject(new Error('failed'))) ?? Promise.resolve(), /failed/)
    assert.equal(await queue(1, async () => 'done'), 'done')
  })

  it('refuses work where too much waits in all', async () => {
    const queue = userQueue({ atOnce: 1, waiting: 5, waitingInAll: 1 })
    let end = () => {}
    const first = queue(1, () => new Promise<void>(resolve => (end = resolve)))
    const second = queue(2, async () => {})
    await new Promise(setImmediate)
    assert.equal(
      queue(3, async () => {}),
      undefined,
    )
    end()
    await Promise.all([first, second])
  })
})
