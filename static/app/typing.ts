/** How long somebody counts as typing after a sign of it, in milliseconds. */
const LASTS = 6000

/** Shows who is typing in a line of its own. The returned function ends it for somebody whose message has come. */
export function showTyping(): (user_id: string) => void {
  const line = document.querySelector('[data-typing]')
  const typists = new Map<string, { name: string; timer: number }>()

  function show() {
    const names = [...typists.values()].map(({ name }) => {
      const who = document.createElement('bdi')
      who.textContent = name
      return who
    })
    const [first = '', second = ''] = names
    const words = [
      [],
      [first, ' is typing…'],
      [first, ' and ', second, ' are typing…'],
      ['Several people are typing…'],
    ][Math.min(names.length, 3)]
    line?.replaceChildren(...(words ?? []))
  }
  function over(user_id: string) {
    clearTimeout(typists.get(user_id)?.timer)
    if (typists.delete(user_id)) {
      show()
    }
  }
  document.getElementById('live')?.addEventListener('typing', event => {
    const { data } = (event as CustomEvent<{ data: string }>).detail
    const { user } = JSON.parse(data) as { user: { id: number; name: string } }
    const id = String(user.id)
    clearTimeout(typists.get(id)?.timer)
    typists.set(id, { name: user.name, timer: setTimeout(over, LASTS, id) })
    show()
  })
  return over
}
