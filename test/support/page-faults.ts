import axe from 'axe-core'
import type { Page } from 'playwright'

type ColorScheme = 'light' | 'dark'

/** Brings axe into the page. By the protocol: the policy of the page lets no other script in. */
export async function bringAxe(page: Page) {
  await page.evaluate(axe.source)
}

/** What is wrong with how the page is laid out: what reaches beyond the window, and what cannot be pressed. */
export async function layoutFaults(page: Page, colorScheme: ColorScheme): Promise<string[]> {
  await settled(page, colorScheme)
  return [...(await outside(page)), ...(await covered(page))]
}

/** What axe finds in a page that `bringAxe` was called for and that is laid out. */
export async function accessFaults(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') }
    // The arrow keys scroll a list of suggestions, from the field that has the focus.
    const page = { include: [document], exclude: [['[role=listbox]']] }
    const { violations } = await axe.run(page, { resultTypes: ['violations'] })
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, any }) => `${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ''}`),
    )
  })
}

/** Waits until the page is laid out and painted so. */
async function settled(page: Page, colorScheme: ColorScheme) {
  await page.waitForFunction(scheme => matchMedia(`(prefers-color-scheme: ${scheme})`).matches, colorScheme)
  await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame)
    await frame()
    await frame()
    const animations = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
    await Promise.all(animations.map(animation => animation.finished.catch(() => {})))
    await frame()
  })
}

/** What reaches beyond the window. What scrolls by itself may. */
async function outside(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found = [...document.querySelectorAll<HTMLElement>('body *')]
      // What scrolls by itself, and the words of a line that ends in an ellipsis, reach further than they show.
      .filter(
        element =>
          !element.closest('.tabs, pre, .hidden-label, .skip') && getComputedStyle(element).display !== 'inline',
      )
      .filter(element => {
        const { left, right, width } = element.getBoundingClientRect()
        return width > 1 && (left < -0.5 || right > innerWidth + 0.5)
      })
      .map(element => `${element.tagName} ${element.className}`)
    return document.documentElement.scrollWidth > innerWidth ? [...found, 'the page scrolls sideways'] : found
  })
}

/** What of the header and the composer of a chat cannot be pressed. */
async function covered(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    if (document.querySelector('.info:target')) {
      return []
    }
    return (
      [...document.querySelectorAll<HTMLElement>('.chat__header a, .composer__text, .composer__send, .news')]
        .filter(element => element.getClientRects().length > 0)
        // Left to screen readers, alone or with its header.
        .filter(element =>
          [element, element.closest('.chat__header') ?? element].every(
            one => getComputedStyle(one).clipPath === 'none',
          ),
        )
        .filter(element => {
          const { left, top, width, height } = element.getBoundingClientRect()
          const hit = document.elementFromPoint(left + width / 2, top + height / 2)
          return !hit || !(element.contains(hit) || hit.contains(element))
        })
        .map(element => `${element.tagName} ${element.className}`)
    )
  })
}
