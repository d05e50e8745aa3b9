// npm run users -- list, show, reset-password, sign-out, delete
import { prepare, runMain } from './prepare.js'

await prepare('program')
await runMain(async () => {
  const { manageUsers } = await import(new URL('../dist/src/process/users.js', import.meta.url))
  await manageUsers(process.argv.slice(2), process.env)
})
