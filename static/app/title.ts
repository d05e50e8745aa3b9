import { isInFront } from './presence.ts'

/** Counts in the page's title what came while the reader was elsewhere. The returned function adds to the count. */
export function countInTitle(): (more: number) => void {
  const { title } = document
  let missed = 0
  function back() {
    if (isInFront()) {
      missed = 0
      document.title = title
    }
  }
  addEventListener('focus', back)
  document.addEventListener('visibilitychange', back)
  return more => {
    missed += more
    document.title = `(${missed > 99 ? '99+' : missed}) ${title}`
  }
}
