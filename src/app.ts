import Koa from 'koa'
import { serveAssets } from './http/assets.js'
import { authenticate } from './http/authentication.js'
import { readBody } from './http/body.js'
import { cleanLinks } from './http/clean-links.js'
import type { Parts, State } from './http/context.js'
import { refuseForgeries } from './http/csrf.js'
import { announceDeprecations } from './http/deprecations.js'
import { encodeAnswers } from './http/encodings.js'
import { tagAnswers } from './http/etags.js'
import { refuseUnacceptable, settleForm, settleJson } from './http/form.js'
import { allowOrigins, secureHeaders } from './http/headers.js'
import { isReadersFault, refuseMalformed } from './http/malformed.js'
import { findRoute } from './http/marks.js'
import { nameRequests } from './http/request-id.js'
import { logRequests } from './http/request-log.js'
import { answerErrors, openStreams, refuseLongUrls } from './http/respond.js'
import { refuseBeyondScope } from './http/scopes.js'
import { answerFromMemory } from './http/short-ways.js'
import { refuseUnknownFields } from './http/unknown-fields.js'
import { API, refuseMethod, routerOf } from './routes/index.js'
import { tutorial } from './routes/tutorial.js'

/** The table of contents: what a request passes through, in this order. */
export function createApp(parts: Parts) {
  const app = emptyApp(parts)
  const router = routerOf(parts)
  app.keys = [parts.secret.toString('base64url')]

  app.use(refuseMalformed(parts))
  app.use(answerFromMemory(parts, router))
  app.use(openStreams())
  app.use(secureHeaders(parts))
  app.use(settleForm(API))
  app.use(nameRequests())
  app.use(findRoute(router))
  app.use(announceDeprecations(parts, router, API))
  app.use(answerErrors(parts))
  app.use(logRequests(parts))
  app.use(allowOrigins(parts))
  app.use(refuseLongUrls())
  app.use(refuseUnacceptable())
  app.use(cleanLinks(router))
  app.use(serveAssets(parts.assets))
  app.use(authenticate(parts, app))
  app.use(refuseBeyondScope(parts))
  app.use(readBody())
  app.use(refuseForgeries(parts))
  app.use(refuseUnknownFields())
  app.use(encodeAnswers())
  app.use(tagAnswers())
  app.use(router.routes())
  app.use(refuseMethod(router))
  return app
}

/** The same at TUTORIAL_PORT, where no credential counts. */
export function createTutorialApp(parts: Parts) {
  const app = emptyApp(parts)
  const router = tutorial(parts)

  app.use(refuseMalformed(parts))
  app.use(openStreams())
  app.use(secureHeaders(parts))
  app.use(settleJson())
  app.use(nameRequests())
  app.use(findRoute(router))
  app.use(answerErrors(parts))
  app.use(logRequests(parts))
  app.use(refuseLongUrls())
  app.use(router.routes())
  app.use(refuseMethod(router))
  return app
}

function emptyApp({ config, log }: Parts) {
  const app = new Koa<State>({ proxy: config.trustedProxies > 0, maxIpsCount: config.trustedProxies })
  app.on('error', error => {
    log[isReadersFault(error) ? 'debug' : 'error']({ err: error }, 'response failed')
  })
  return app
}
