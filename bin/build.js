// npm run build: compiles everything and bundles the script of the pages. npm run build -- program leaves tests and benchmarks out. What
// has not changed since the last time is not compiled again.
import { build, install } from './prepare.js'

await install()
await build(process.argv[2] ?? 'tests')
