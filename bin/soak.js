// npm run soak: many readers for a minute, whether memory, descriptors, connections and dead rows grow in mixed use, and what idle readers ask of the
// database in a minute. Fails when a message does not reach everybody or something grows.
// npm run soak -- 60 goes on with mixed use for an hour instead of a minute.
import { at, prepare, run } from './prepare.js'

const minutes = Number(process.argv[2] ?? 1)
if (!(minutes > 0)) {
  console.error('npm run soak -- [minutes]: for how many minutes mixed use goes on, 1 unless given.')
  process.exit(2)
}
await prepare()
await run(process.execPath, [at('dist/bench/soak.js')], 'Not every reader got every message once, in order.')
await run(process.execPath, [at('dist/bench/growth.js'), String(60 * minutes)], 'Something grew, or was lost.')
process.env.IDLE_SECONDS = '60'
await run(
  process.execPath,
  [at('node_modules/mocha/bin/mocha.js'), '-g', 'idle pollers', 'dist/test/live/statements.test.js'],
  'Idle readers ask more of the database than they should.',
)
