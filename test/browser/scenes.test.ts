import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import axe from 'axe-core'
import type { Page } from 'playwright'
import { openScenes, type Scenes } from '../support/scenes.js'
import { openSite, type Site } from '../support/site.js'

/** The narrowest phone, a tablet, a computer. */
const LOOKS = [
  { width: 1280, height: 800, colorScheme: 'light' },
  { width: 768, height: 900, colorScheme: 'dark' },
  { width: 320, height: 640, colorScheme: 'dark' },
] as const

const { HtmlValidate } = createRequire(import.meta.url)('html-validate') as typeof import('html-validate')

describe('every page in every state', () => {
  let site: Site
  let scenes: Scenes

  before(async () => {
    site = await openSite()
    scenes = await openScenes(site)
  })
  after(() => site.close())

  it('stays within its window, covers nothing, and is found without fault by axe', async () => {
    const found: string[] = []
    for (const scene of scenes.scenes) {
      const { page, context } = await scenes.show(scene, { viewport: LOOKS[0], reducedMotion: 'reduce' })
      // By the protocol: the policy of the page lets no other script in.
      await page.evaluate(axe.source)
      for (const { width, height, colorScheme } of LOOKS) {
        await page.setViewportSize({ width, height })
        await page.emulateMedia({ colorScheme })
        await settled(page, colorScheme)
        const where = `${scene.name} at ${width} px`
        found.push(...(await outside(page)).map(one => `${where}: ${one}`))
        found.push(...(await covered(page)).map(one => `${where}: ${one}`))
        found.push(...(await faults(page)).map(one => `${where}: ${one}`))
      }
      await context.close()
    }
    assert.deepEqual(found, [])
  })

  it('is valid HTML, but for the attributes of htmx', async () => {
    const validator = new HtmlValidate({
      extends: ['html-validate:standard'],
      rules: {
        // The script's own attributes, and those of SVG and of browsers newer than the rules.
        'attr-case': 'off',
        'no-unknown-attributes': 'off',
        'no-trailing-whitespace': 'off',
        'no-inline-style': 'error',
        'void-style': 'off',
        'long-title': 'off',
        'doctype-style': 'off',
        'no-implicit-button-type': 'off',
        'prefer-native-element': 'off',
        'require-sri': 'off',
        'unique-landmark': 'off',
      },
    })
    for (const scene of scenes.scenes) {
      const { page, context } = await scenes.show({ ...scene, act: async () => {} })
      const html = await (await context.request.get(page.url(), { headers: { accept: 'text/html' } })).text()
      await context.close()
      const { results } = await validator.validateString(html)
      const messages = results.flatMap(({ messages }) => messages)
      assert.deepEqual(
        messages.map(
          ({ ruleId, message, line }) => `${ruleId}: ${message} (${html.split('\n')[line - 1]?.slice(0, 200)})`,
        ),
        [],
        scene.name,
      )
    }
  })
})

/** Waits until the page is laid out and painted so. */
async function settled(page: Page, colorScheme: string) {
  await page.waitForFunction(scheme => matchMedia(`(prefers-color-scheme: ${scheme})`).matches, colorScheme)
  await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame)
    await frame()
    await frame()
    await Promise.all(document.getAnimations().map(animation => animation.finished.catch(() => {})))
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
    return [...document.querySelectorAll<HTMLElement>('.chat__header a, .composer__text, .composer__send, .news')]
      .filter(element => element.getClientRects().length > 0 && getComputedStyle(element).clipPath === 'none')
      .filter(element => {
        const { left, top, width, height } = element.getBoundingClientRect()
        const hit = document.elementFromPoint(left + width / 2, top + height / 2)
        return !hit || !(element.contains(hit) || hit.contains(element))
      })
      .map(element => `${element.tagName} ${element.className}`)
  })
}

async function faults(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') }
    const { violations } = await axe.run(document, { resultTypes: ['violations'] })
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, any }) => `${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ''}`),
    )
  })
}
