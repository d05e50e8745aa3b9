/** Says one thing, in the place of the last, and notes who says it. */
export function say(sentence: string, by: string) {
  const line = document.createElement('p')
  line.className = 'alert__sentence'
  line.textContent = sentence
  alertLine()?.replaceChildren(line)
  claim(by)
}

/** Whatever is said there next comes from this one. */
export function claim(by: string) {
  const alert = alertLine()
  if (alert) {
    alert.dataset.by = by
  }
}

/** Takes back what is said; given a name, only what that one said. */
export function unsay(by?: string) {
  const alert = alertLine()
  if (by === undefined || alert?.dataset.by === by) {
    alert?.replaceChildren()
  }
}

/** Screen readers read out at once what comes into it. */
function alertLine() {
  return document.getElementById('alert')
}
