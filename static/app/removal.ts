import { SENTENCES } from './words.ts'

/** Puts in the page's place that its reader is not in the chat any more, with what they had written. */
export function showRemoved(name: string, written: string) {
  const main = document.querySelector('main')
  if (!main) {
    return
  }
  main.className = 'main sheet sheet--narrow'
  main.innerHTML =
    '<div class="sheet__head"><h1 class="sheet__title">You were removed from <bdi></bdi></h1><p class="sheet__lead" role="alert"></p></div>'
  const fill = (selector: string, words: string) => main.querySelector(selector)?.replaceChildren(words)
  fill('bdi', name)
  fill('.sheet__lead', SENTENCES.removed)
  if (written !== '') {
    main.insertAdjacentHTML(
      'beforeend',
      '<section class="panel field"><label class="field__label" for="typed"></label><textarea class="field__input" id="typed" rows="5" readonly></textarea></section>',
    )
    fill('label', SENTENCES.kept)
    fill('textarea', written)
  }
  main.insertAdjacentHTML('beforeend', '<a class="button button--big button--wide" href="/">Start page</a>')
  document.title = main.querySelector('h1')?.textContent ?? ''
  main.focus()
}
