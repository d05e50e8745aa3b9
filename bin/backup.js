// npm run backup [-- folder] [--keep 7]
import { prepare, runMain } from './prepare.js'

await prepare('program')
await runMain(async () => {
  const { backUp } = await import(new URL('../dist/src/process/backup.js', import.meta.url))
  console.log(await backUp(process.argv.slice(2), process.env))
})
