// npm start: installs and builds what is missing, then runs the server in this same process. The script says `exec` because npm
// starts it by a shell, and a shell that is told to end would end without telling the server.
import { fail, prepare } from './prepare.js'

prepare()
const { serve } = await import(new URL('../dist/src/server.js', import.meta.url))
try {
  await serve(process.env)
} catch (error) {
  fail(error.message)
}
