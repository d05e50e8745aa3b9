// npm run restore -- folder
import { prepare, runMain } from './prepare.js'

await prepare('program')
await runMain(async () => {
  const { restore } = await import(new URL('../dist/src/process/restore.js', import.meta.url))
  console.log(await restore(process.argv.slice(2), process.env))
})
