import assert from 'node:assert/strict'
import { turns } from '../src/turns.js'

describe('turns', () => {
  it('are taken one after another by each user, in their order, and by a few users at once', async () => {
    const inTurn = turns({ atOnce: 2, waiting: 2, waitingInAll: 10 })
    const begun: string[] = []
    const ends: (() => void)[] = []
    const work = (name: string) => () => {
      begun.push(name)
      return new Promise<void>(resolve => ends.push(resolve))
    }
    const done = [
      inTurn(1, work('a')),
      inTurn(1, work('b')),
      inTurn(1, work('c')),
      inTurn(2, work('d')),
      inTurn(3, work('e')),
    ]
    assert.equal(inTurn(1, work('one too many')), undefined)
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

  it('go on after work that fails', async () => {
    const inTurn = turns({ atOnce: 1, waiting: 1, waitingInAll: 1 })
    await assert.rejects(inTurn(1, async () => Promise.reject(new Error('failed'))) ?? Promise.resolve(), /failed/)
    assert.equal(await inTurn(1, async () => 'done'), 'done')
  })

  it('are refused where too much waits in all', async () => {
    const inTurn = turns({ atOnce: 1, waiting: 5, waitingInAll: 1 })
    let end = () => {}
    const first = inTurn(1, () => new Promise<void>(resolve => (end = resolve)))
    const second = inTurn(2, async () => {})
    await new Promise(setImmediate)
    assert.equal(
      inTurn(3, async () => {}),
      undefined,
    )
    end()
    await Promise.all([first, second])
  })
})
