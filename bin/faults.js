// npm run faults: posts in 16 chats while one fault after the other is injected, and holds all that was sent and read against the database.
// npm run faults -- --minutes 5 takes 5 minutes instead of 30, with as many posts and faults less; with 60 there are a million posts.
// --only 'kill PostgreSQL,kill a worker' injects these alone. --to says into which file the table is written.
import { at, prepare, run } from './prepare.js'

await prepare()
await run(
  process.execPath,
  [at('dist/bench/faults/run.js'), ...process.argv.slice(2)],
  'This is no run without fault: see above.',
)
