const PREVIEW = 120

/** What a quote, a list or a notification says of a message in the page: the same as src/text/preview.ts makes of its text. */
export function previewOf(message: Element): string {
  const text = message.querySelector('.message__text')?.cloneNode(true) as Element | undefined
  if (!text) {
    return 'deleted message'
  }
  for (const item of text.querySelectorAll<HTMLLIElement>('li[value]')) {
    item.prepend(`${item.value}. `)
  }
  for (const end of text.querySelectorAll('br, p, li, pre, blockquote')) {
    end.after(' ')
  }
  const words = text.textContent.replace(/\s+/g, ' ').trim()
  let shown = 0
  for (const { index } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(words)) {
    if (shown === PREVIEW) {
      return `${words.slice(0, index)}…`
    }
    shown++
  }
  return words
}

/** What stands beside the name of a message's author who has no account: guest, bot or imported. */
export function kindOf(message: Element): string | undefined {
  return message.querySelector('.message__who .guest')?.textContent
}
