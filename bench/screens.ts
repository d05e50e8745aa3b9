import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { closeBrowser } from '../test/support/browser.js'
import { offerDatabases, stopDatabases } from '../test/support/databases.js'
import { accessFaults, bringAxe, layoutFaults } from '../test/support/page-faults.js'
import { openScenes, type Scene } from '../test/support/scenes.js'
import { openSite } from '../test/support/site.js'

// Photographs every page and state into screenshots/: at 360 and 1280 px, light and dark; what people see most at 768 and 1680 px too, in
// forced colours, from right to left, in larger text, and zoomed to 400 %. Says what reaches beyond its window, cannot be pressed, or is at fault by axe.
// An argument names the scenes to take, by the beginnings of their names.

interface Look {
  name: string
  width: number
  height: number
  options: { colorScheme?: 'light' | 'dark'; forcedColors?: 'active' }
  /** Of `<html>`. */
  attributes?: Record<string, string>
}

const folder = fileURLToPath(new URL('../../screenshots/', import.meta.url))
const wanted = process.argv[2]?.split(',') ?? ['']

const themes = (width: number, height: number): Look[] =>
  (['light', 'dark'] as const).map(colorScheme => ({
    name: `${width}-${colorScheme}`,
    width,
    height,
    options: { colorScheme },
  }))
const ALL = [...themes(360, 740), ...themes(1280, 860)]
const MAIN: Look[] = [
  ...themes(768, 1000),
  ...themes(1680, 1000),
  { name: '1280-forced', width: 1280, height: 860, options: { forcedColors: 'active' } },
  { name: '1280-rtl', width: 1280, height: 860, options: {}, attributes: { dir: 'rtl' } },
  { name: '360-larger', width: 360, height: 740, options: {}, attributes: { 'data-text-size': 'larger' } },
  { name: '320-zoomed', width: 320, height: 256, options: {} },
]

mkdirSync(folder, { recursive: true })
await offerDatabases()
const site = await openSite()
const { scenes, show, close } = await openScenes(site)
let failed = 0
for (const scene of scenes.filter(({ name }) => wanted.some(beginning => name.startsWith(beginning)))) {
  for (const look of scene.isMain ? [...ALL, ...MAIN] : ALL) {
    await photograph(scene, look)
  }
}
await closeBrowser()
await close()
await site.close()
await stopDatabases()
console.log(`${folder}: ${failed} faults`)
process.exitCode = failed > 0 ? 1 : 0

async function photograph(scene: Scene, { name, width, height, options, attributes = {} }: Look) {
  const file = path.join(folder, `${scene.name}-${name}.png`)
  try {
    const { page, context } = await show(scene, { ...options, viewport: { width, height } })
    await page.evaluate(attributes => {
      for (const [name, value] of Object.entries(attributes)) {
        document.documentElement.setAttribute(name, value)
      }
    }, attributes)
    await bringAxe(page)
    const faults = [...(await layoutFaults(page, options.colorScheme ?? 'light')), ...(await accessFaults(page))]
    failed += faults.length
    for (const fault of faults) {
      console.log(`${scene.name}-${name}: ${fault}`)
    }
    await page.screenshot({ path: file, fullPage: !scene.name.startsWith('chat'), animations: 'disabled' })
    await context.close()
  } catch (error) {
    failed++
    console.log(`${file}: ${error}`)
  }
}
