// The thread of a relay: carries every byte between the two sides unchanged, and cuts connections when it is told to.
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { Order } from './relay.js'

const { at, target: first }: { at: ListenOptions; target: NetConnectOpts } = workerData
let target = first
let left = 0
let within = 'both'
/** Of the connections that there are now. Whoever has a connection of before carries nothing. */
let carried = {}

parentPort?.on('message', (order: Order) => {
  if (order === 'fall silent') {
    carried = {}
  } else if ('leadTo' in order) {
    target = order.leadTo
  } else {
    left += order.cutNext
    within = order.within
  }
})
if (at.path) {
  await rm(at.path, { force: true })
}
const server = createServer(near => {
  const far = connect(target)
  carry(near, far, false)
  carry(far, near, true)
})
server.listen({ backlog: 4096, ...at })
await once(server, 'listening')
parentPort?.postMessage('open')

function carry(from: Socket, to: Socket, isAnswer: boolean) {
  const own = carried
  from.setNoDelay(true)
  from.on('error', () => {})
  from.on('close', () => to.destroySoon())
  from.on('data', chunk => {
    if (own !== carried) {
      return
    }
    if (left > 0 && (isAnswer || within === 'both') && Math.random() < 0.1) {
      left--
      parentPort?.postMessage(1)
      to.write(chunk.subarray(0, Math.floor(Math.random() * (chunk.length + 1))), () => to.destroy())
      from.destroy()
    } else if (!to.write(chunk)) {
      from.pause()
    }
  })
  from.on('drain', () => to.resume())
}
