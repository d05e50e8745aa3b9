// The server as it was built, for images that have nothing to build with. Everywhere else npm start builds first what has changed.
import { runMain } from './prepare.js'

await runMain(async () => {
  const { serve } = await import(new URL('../dist/src/process/server.js', import.meta.url))
  await serve(process.env)
})
