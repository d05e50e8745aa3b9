import { icon } from './icon.ts'
import { SENTENCES } from './words.ts'

/** Puts in the page's place that its reader is not in the chat any more, with what they had written. */
export function showRemoved(name: string, written: string) {
  const main = document.querySelector('main')
  if (!main) {
    return
  }
  main.className = 'main sheet sheet--narrow'
  main.innerHTML = `<div class="sheet__head"><span class="notice__sign"></span><h1 class="sheet__title">${SENTENCES.removed} <bdi></bdi></h1><p class="sheet__lead" role="alert">${SENTENCES.why}</p></div><section class="panel"><div class="field"><label class="field__label" for="typed">${SENTENCES.kept}</label><textarea class="field__input" id="typed" rows="5" readonly></textarea></div></section><a class="button button--big button--wide" href="/">Start page</a>`
  main.querySelector('.notice__sign')?.append(icon('unlinked'))
  main.querySelector('bdi')?.append(name)
  main.querySelector('textarea')?.append(written)
  if (written === '') {
    main.querySelector('section')?.remove()
  }
  // Loading the chat's address again would join it again.
  history.replaceState(null, '', '/')
  main.focus()
}
