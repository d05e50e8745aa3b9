// npm run bench: how fast this machine posts, beside the least that any server would have to do.
// npm run bench -- 10 takes 10 s for each line instead of 60.
import { prepare } from './prepare.js'

prepare()
await import(new URL('../dist/bench/posts.js', import.meta.url))
