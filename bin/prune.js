// npm run prune -- [--days 90] [--chat id] [--dry-run]
import { prepare, runMain } from './prepare.js'

await prepare('program')
await runMain(async () => {
  const { prune } = await import(new URL('../dist/src/process/prune.js', import.meta.url))
  await prune(process.argv.slice(2), process.env)
})
