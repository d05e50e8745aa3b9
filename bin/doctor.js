// npm run doctor: looks whether all is set as it should be. Ends with 1 if something is bad.
import { prepare, runMain } from './prepare.js'

await prepare('program')
await runMain(async () => {
  const { examine } = await import(new URL('../dist/src/process/doctor.js', import.meta.url))
  const { text, isBad } = await examine(process.argv.slice(2), process.env)
  console.log(text)
  process.exitCode = isBad ? 1 : 0
})
