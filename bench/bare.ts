// Idle polls and streams are compared with this server. node:http alone answers GET /http/…, Koa and its router answer /koa/…, and
// koa-session in its usual setup is added for /session/…; all answer 204. GET /page answers a document of a given length, and
// GET /session/start begins a session. GET /stream opens a stream that never ends, and POST /stream writes one prepared buffer to all streams.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Router from '@koa/router'
import Koa from 'koa'
import session from 'koa-session'
import { MARK } from './readers.js'

const router = new Router()
router.get('/koa/:uri/messages', ctx => {
  ctx.status = 204
})
router.get('/page', ctx => {
  ctx.type = 'html'
  ctx.body = page
})
const app = new Koa()
app.use(router.routes())

const guarded = new Koa()
guarded.keys = ['benchmark']
guarded.use(session({ key: 'sid' }, guarded as never) as unknown as Koa.Middleware)
const inside = new Router()
inside.get('/session/start', ctx => {
  ;(ctx as unknown as { session: { user_id: number } }).session.user_id = 1
  ctx.status = 204
})
inside.get('/session/:uri/messages', ctx => {
  ctx.status = (ctx as unknown as { session: { user_id?: number } }).session.user_id ? 204 : 401
})
guarded.use(inside.routes())

const page = 'x'.repeat(Number(process.env.PAGE_BYTES ?? 30_000))
const frame = Buffer.from(`id: 1\ndata: ${MARK}${'x'.repeat(Number(process.env.FRAME_BYTES ?? 200))}\n\n`)
const streams = new Set<ServerResponse>()
const [koa, koaWithSession] = [app.callback(), guarded.callback()]

const server = createServer((request, response) => {
  const { url = '', method } = request
  if (url.startsWith('/http/')) {
    response.writeHead(204).end()
  } else if (url.startsWith('/session/')) {
    koaWithSession(request, response)
  } else if (url !== '/stream') {
    koa(request, response)
  } else if (method === 'POST') {
    request.resume().on('end', () => {
      for (const stream of streams) {
        stream.write(frame)
      }
      response.writeHead(201, { 'Content-Length': 0 }).end()
    })
  } else {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).flushHeaders()
    streams.add(response)
    response.on('close', () => streams.delete(response))
  }
})
server.listen(0, '127.0.0.1', () => console.log(`Ready: http://localhost:${(server.address() as AddressInfo).port}/`))
process.once('SIGTERM', () => process.exit(0))
