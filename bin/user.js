// npm run user -- reset-password <name>
import { prepare, runMain } from './prepare.js'

await prepare('program')
await runMain(async () => {
  const { manageUsers } = await import(new URL('../dist/src/process/reset-password.js', import.meta.url))
  console.log(await manageUsers(process.argv.slice(2), process.env))
})
