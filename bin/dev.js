// npm run dev: the server, built and started again whenever a source, a view or a static file changes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { at, prepare, say } from './prepare.js'

await prepare('program')
let server = start()
let restarting = false
let changed = false
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

/** Builds and starts again, once more where something changes meanwhile. */
async function restart() {
  changed = true
  if (restarting) return
  restarting = true
  while (changed) {
    changed = false
    say('Changed: starting again')
    const builder = spawn(process.execPath, [at('bin/build.js'), 'program'], { cwd: at('.'), stdio: 'inherit' })
    const [status] = await once(builder, 'exit')
    // After a mistake the server goes on as it was.
    if (status !== 0) continue
    if (!hasEnded(server)) {
      server.kill('SIGTERM')
      await once(server, 'exit')
    }
    server = start()
  }
  restarting = false
}

function hasEnded({ exitCode, signalCode }) {
  return exitCode !== null || signalCode !== null
}
