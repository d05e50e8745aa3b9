// npm run screens: photographs every page and state into screenshots/, in both themes and in all widths, to be looked at one by one.
// npm run screens -- chat,settings takes those whose names begin so.
import { browser } from './browser.js'
import { at, prepare, run } from './prepare.js'

await prepare()
process.env.CHROMIUM = await browser()
await run(
  process.execPath,
  [at('dist/bench/screens.js'), ...process.argv.slice(2)],
  'Some pages could not be photographed.',
)
