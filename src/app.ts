import Koa from 'koa'
import { serveAssets } from './assets.js'
import { readBody } from './body.js'
import type { Parts, State } from './context.js'
import { refuseForgeries } from './csrf.js'
import { allowOrigins, secureHeaders } from './headers.js'
import { answerIdlePolls } from './idle.js'
import { logRequests } from './log.js'
import { isReadersFault, refuseMalformed } from './malformed.js'
import { answerErrors, openStreams, refuseLongUrls, settleForm } from './respond.js'
import { routes } from './routes/index.js'
import { authenticate } from './session.js'

/** The table of contents: what a request meets, in order. */
export function createApp(parts: Parts) {
  const app = new Koa<State>({ proxy: parts.config.trustedProxies > 0, maxIpsCount: parts.config.trustedProxies })
  app.keys = [parts.secret.toString('base64url')]
  app.on('error', error => {
    parts.log[isReadersFault(error) ? 'debug' : 'error']({ err: error }, 'response failed')
  })

  app.use(refuseMalformed(parts))
  app.use(answerIdlePolls(parts))
  app.use(openStreams())
  app.use(secureHeaders(parts))
  app.use(settleForm())
  app.use(answerErrors(parts))
  app.use(logRequests(parts))
  app.use(allowOrigins(parts))
  app.use(refuseLongUrls())
  app.use(serveAssets(parts.assets))
  app.use(authenticate(parts, app))
  app.use(readBody())
  app.use(refuseForgeries(parts))
  routes(app, parts)
  return app
}
