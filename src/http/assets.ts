import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type Koa from 'koa'
import { hashOf } from '../hash.js'

interface Asset {
  type: string
  /** Whether other sites may show it. */
  shared: boolean
  body: Buffer
  gzip: Buffer
  br: Buffer
  etag: string
}

export interface Assets {
  /** Maps the name of a file to its path, which has the hash of its content. */
  paths: Record<string, string>
  files: ReadonlyMap<string, Asset>
  /** The script of the service worker. Its address has no hash, as browsers ask there whether it has changed. */
  worker: string
}

/**
 * The few files that pages refer to, read and compressed once. Their paths carry a hash of their content, so browsers keep
 * them for ever. htmx, its extension and our script are one file: loaded as several, the extension can register too late (htmx issue 3693).
 */
export async function loadAssets(): Promise<Assets> {
  const require = createRequire(import.meta.url)
  const sources: Record<string, { type: string; parts: string[]; shared?: true }> = {
    'app.css': { type: 'text/css; charset=utf-8', parts: [builtFile('app.css')] },
    'app.js': {
      type: 'text/javascript; charset=utf-8',
      parts: [
        require.resolve('htmx.org/dist/htmx.min.js'),
        require.resolve('htmx.org/dist/ext/hx-sse.min.js'),
        builtFile('app.js'),
      ],
    },
    'extras.js': { type: 'text/javascript; charset=utf-8', parts: [builtFile('extras.js')] },
    'noscript.css': { type: 'text/css; charset=utf-8', parts: [rootFile('static/noscript.css')] },
    // Shown by browsers as it is.
    'api.txt': { type: 'text/plain; charset=utf-8', parts: [rootFile('docs/api.md')] },
    // Programs show it beside a link to here.
    'preview.png': { type: 'image/png', parts: [rootFile('static/pictures/preview.png')], shared: true },
    'icon.svg': { type: 'image/svg+xml', parts: [rootFile('static/pictures/icon.svg')] },
    ...Object.fromEntries(
      ['icon192.png', 'icon512.png', 'maskable.png', 'touch.png'].map(name => [
        name,
        { type: 'image/png', parts: [rootFile(`static/pictures/${name}`)] },
      ]),
    ),
  }
  const paths: Record<string, string> = {}
  const files = new Map<string, Asset>()
  for (const [name, { type, parts, shared = false }] of Object.entries(sources)) {
    // A script may end without a line end.
    const body = Buffer.concat(parts.flatMap((part, place) => [Buffer.from(place > 0 ? '\n' : ''), readFileSync(part)]))
    await add(name, type, body, shared)
  }
  await add('app.webmanifest', 'application/manifest+json', Buffer.from(JSON.stringify(manifestOf(paths))))
  const kept = ['/offline', paths.app_css, paths.app_js]
  const worker = `const FILES = ${JSON.stringify(kept)}\n${readFileSync(rootFile('static/service-worker.js'), 'utf8')}`
  return { paths, files, worker }

  async function add(name: string, type: string, body: Buffer, shared = false) {
    const hash = hashOf(body).slice(0, 16)
    const path = `/static/${name.replace('.', `-${hash}.`)}`
    paths[name.replace('.', '_')] = path
    files.set(path, {
      type,
      shared,
      body,
      gzip: await promisify(gzip)(body, { level: 9 }),
      br: await promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
      etag: `"${hash}"`,
    })
  }
}

/** What a device needs to know to install this like a program. */
function manifestOf(paths: Record<string, string>) {
  const icon = (name: string, sizes: string, purpose: string) => ({
    src: paths[name],
    sizes,
    type: name.endsWith('svg') ? 'image/svg+xml' : 'image/png',
    purpose,
  })
  return {
    id: '/',
    name: 'Chatire',
    description: 'A chat is a link. Start one, send it to your friends, and talk.',
    lang: 'en',
    start_url: '/',
    scope: '/',
    display: 'standalone',
    background_color: '#e9eef8',
    theme_color: '#e9eef8',
    icons: [
      icon('icon_svg', 'any', 'any'),
      icon('icon192_png', '192x192', 'any'),
      icon('icon512_png', '512x512', 'any'),
      icon('maskable_png', '512x512', 'maskable'),
    ],
  }
}

export function serveAssets({ files }: Assets): Koa.Middleware {
  return async (ctx, next) => {
    const asset = files.get(ctx.path)
    if (!asset || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) {
      return next()
    }
    // Browsers name gzip first and like both as much, so they would get the longer one.
    const encoding = (['br', 'gzip'] as const).find(name => ctx.acceptsEncodings(name))
    ctx.set({
      'Cache-Control': 'public, max-age=31536000, immutable',
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': asset.shared ? 'cross-origin' : 'same-origin',
      ETag: asset.etag,
    })
    ctx.vary('Accept-Encoding')
    ctx.status = 200
    ctx.type = asset.type
    if (ctx.fresh) {
      ctx.status = 304
    } else if (encoding) {
      ctx.set('Content-Encoding', encoding)
      ctx.body = asset[encoding]
    } else {
      ctx.body = asset.body
    }
  }
}

function rootFile(name: string): string {
  return fileURLToPath(new URL(`../../../${name}`, import.meta.url))
}

/** Bundled from the modules in static/app/. */
function builtFile(name: string): string {
  return fileURLToPath(new URL(`../../static/${name}`, import.meta.url))
}
