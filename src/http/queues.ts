import pLimit from 'p-limit'

/** Does some work for a user, after the earlier work of the same user. Returns undefined where too much is waiting already. */
type Queue = <T>(user_id: number, work: () => Promise<T>) => Promise<T> | undefined

/** Does one piece of work at a time for each user, and `atOnce` in all. At most `waiting` pieces of one user may wait, and `waitingInAll` of all. */
export function userQueue({
  atOnce,
  waiting,
  waitingInAll,
}: {
  atOnce: number
  waiting: number
  waitingInAll: number
}): Queue {
  const inAll = pLimit(atOnce)
  const ofUsers = new Map<number, { count: number; last: Promise<unknown> }>()
  return (user_id, work) => {
    const own = ofUsers.get(user_id) ?? { count: 0, last: Promise.resolve() }
    if (own.count > waiting || inAll.pendingCount >= waitingInAll) {
      return undefined
    }
    own.count++
    ofUsers.set(user_id, own)
    const done = own.last.then(() => inAll(work))
    own.last = done.catch(() => {})
    return done.finally(() => {
      own.count--
      if (own.count === 0) {
        ofUsers.delete(user_id)
      }
    })
  }
}
