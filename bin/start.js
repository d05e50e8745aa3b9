// npm start: installs and builds what is missing, then runs the server in this same process. The script says `exec` because npm
// starts it by a shell, and a shell that is told to end would end without telling the server.
import { prepare, runMain } from './prepare.js'

await prepare('program')
await runMain(async () => {
  const { serve } = await import(new URL('../dist/src/process/server.js', import.meta.url))
  await serve(process.env)
})
