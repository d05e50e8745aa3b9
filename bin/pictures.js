// node bin/pictures.js: photographs the drawings in static/pictures, by a Chromium (CHROMIUM=/path) on a machine that has the font Inter. The
// pictures are committed: with another font they would look different.
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright'
import { at } from './prepare.js'

const BLUE = '#0a55f7'

/** Each with its drawing and its size in pixels. What is cut to a shape by the device is drawn smaller, on a ground without corners. */
const PICTURES = {
  'preview.png': { drawing: 'preview.svg', width: 1200, height: 630 },
  'icon192.png': { drawing: 'icon.svg', width: 192, height: 192 },
  'icon512.png': { drawing: 'icon.svg', width: 512, height: 512 },
  'maskable.png': { drawing: 'icon.svg', width: 512, height: 512, ground: BLUE, scale: 0.85 },
  'touch.png': { drawing: 'icon.svg', width: 180, height: 180, ground: BLUE },
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM })
for (const [name, { drawing, width, height, ground, scale = 1 }] of Object.entries(PICTURES)) {
  const page = await browser.newPage({ viewport: { width, height } })
  const svg = readFileSync(at(`static/pictures/${drawing}`), 'utf8')
  const style = `body { margin: 0; background: ${ground ?? 'none'} } svg { display: block; transform: scale(${scale}) }`
  await page.setContent(`<!doctype html><style>${style}</style>${svg}`)
  // The preview fills its picture: with an alpha channel it would be a sixth larger.
  await page.screenshot({ path: at(`static/pictures/${name}`), omitBackground: drawing === 'icon.svg' })
  await page.close()
}
await browser.close()
