// node bin/pictures.js: photographs the drawings of static/pictures into the files beside them, by a Chromium (CHROMIUM=/path) that has the font
// Inter. They are committed, as their words look different wherever another font is in its place.
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright'
import { at } from './prepare.js'

/** Each with its drawing and its size in pixels. */
const PICTURES = {
  'preview.png': { drawing: 'preview.svg', width: 1200, height: 630 },
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM })
for (const [name, { drawing, width, height }] of Object.entries(PICTURES)) {
  const page = await browser.newPage({ viewport: { width, height } })
  await page.setContent(`<style>body { margin: 0 }</style>${readFileSync(at(`static/pictures/${drawing}`), 'utf8')}`)
  await page.screenshot({ path: at(`static/pictures/${name}`) })
  await page.close()
}
await browser.close()
