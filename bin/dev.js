// npm run dev: the server, built and started anew whenever a source, a view or a static file changes.
import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { at, prepare, say } from './prepare.js'

await prepare()
let server = start()
let restarting = false
let timer

for (const folder of ['src', 'views', 'static']) {
  watch(at(folder), { recursive: true }, () => {
    // Editors write a file in several steps.
    clearTimeout(timer)
    timer = setTimeout(restart, 150)
  })
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    if (hasEnded(server)) process.exit(0)
    server.once('exit', () => process.exit(0))
    server.kill('SIGTERM')
  })
}

function start() {
  return spawn(process.execPath, [at('bin/start.js')], { cwd: at('.'), stdio: 'inherit', detached: true })
}

async function restart() {
  if (restarting) return
  restarting = true
  say('Changed: starting again')
  if (!hasEnded(server)) {
    server.kill('SIGTERM')
    await new Promise(resolve => server.once('exit', resolve))
  }
  server = start()
  restarting = false
}

function hasEnded({ exitCode, signalCode }) {
  return exitCode !== null || signalCode !== null
}
