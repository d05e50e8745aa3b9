// npm run chats -- list, show, read-only, delete, export, import
import { prepare, runMain } from './prepare.js'

await prepare('program')
await runMain(async () => {
  const { manageChats } = await import(new URL('../dist/src/process/chats.js', import.meta.url))
  await manageChats(process.argv.slice(2), process.env)
})
