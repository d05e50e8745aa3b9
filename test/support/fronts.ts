import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort, type Service, startService } from './programs.js'
import { until } from './server.js'

const DEPLOY = fileURLToPath(new URL('../../../deploy', import.meta.url))

/** A proxy that runs with the settings of deploy/. */
export interface Front extends Service {
  /** Does what docs/running.md says before a machine is restarted, until no new request goes there; and afterwards. */
  takeOut(upstream: string): Promise<void>
  putBack(upstream: string): Promise<void>
}

/** The proxies, each with the arguments that print its version. They listen on the port of localhost, by https where `secure`. */
export const FRONTS = {
  nginx: { program: '/usr/sbin/nginx', version: '-v', open: openNginx },
  caddy: { program: 'caddy', version: 'version', open: openCaddy },
}

async function openNginx(folder: string, port: number, upstreams: readonly string[], secure: boolean): Promise<Front> {
  const key = path.join(folder, 'key.pem')
  const certificate = path.join(folder, 'certificate.pem')
  if (secure) {
    await certify(key, certificate)
  }
  const plain = await freePort()
  const text = (await readFile(path.join(DEPLOY, 'nginx.conf'), 'utf8'))
    .replaceAll('chat.example.org', 'localhost')
    .replace('listen 80;', `listen 127.0.0.1:${plain};`)
    .replace('listen 443 ssl http2;', `listen 127.0.0.1:${port}${secure ? ' ssl http2' : ''};`)
    .replace(/^ *listen \[::\].*$/gm, '')
    .replace(/^ *ssl_.*$/gm, line => (secure ? line : ''))
    .replace(/\S+fullchain\.pem/, certificate)
    .replace(/\S+privkey\.pem/, key)
    .replace('/var/log/nginx/chatire.log', path.join(folder, 'chatire.log'))
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const config = path.join(folder, 'nginx.conf')
  const [alone = '', example = ''] = [/^ *server 127.*$/m.exec(text)?.[0], /^ *#server 10\.0\.0\.1.*$/m.exec(text)?.[0]]
  const write = (down?: string) => {
    const line = upstreams.length > 1 ? example.replace('#', '') : alone
    const lines = upstreams.map(at => line.replace(/\S+:8000/, at).replace(';', at === down ? ' down;' : ';'))
    return writeFile(
      config,
      `daemon off; worker_processes 1; pid nginx.pid; error_log stderr notice;
       ${process.getuid?.() === 0 ? 'user root;' : ''}
       events {}
       http {
         ${places.map(place => `${place}_temp_path ${folder}/${place};`).join('\n')}
         ${text.replace(alone, lines.join('\n'))}
       }`,
    )
  }
  await write()
  const service = await startService(port, ['/usr/sbin/nginx', '-p', folder, '-e', 'stderr', '-c', config])
  const retired = () => service.said.match(/gracefully shutting down/g)?.length ?? 0
  const reload = async (down?: string) => {
    const before = retired()
    await write(down)
    process.kill(Number(await readFile(path.join(folder, 'nginx.pid'), 'utf8')), 'SIGHUP')
    await until(() => retired() > before)
  }
  return Object.assign(service, { takeOut: reload, putBack: () => reload() })
}

async function openCaddy(folder: string, port: number, upstreams: readonly string[], secure: boolean): Promise<Front> {
  const text = (await readFile(path.join(DEPLOY, 'Caddyfile'), 'utf8'))
    .replace(
      /^chat\.example\.org \{/m,
      secure ? `https://localhost:${port} {\n\ttls internal` : `http://localhost:${port} {`,
    )
    .replace('reverse_proxy 127.0.0.1:8000', `reverse_proxy ${upstreams.join(' ')}`)
    .replace(/#(health_)/g, upstreams.length > 1 ? '$1' : '#$1')
  const config = path.join(folder, 'Caddyfile')
  // Without its port for other programs, and without a place in the system's list of certificates.
  const options = `{\n\tadmin off\n\tgrace_period 1s\n\tskip_install_trust\n\tauto_https disable_redirects\n\tstorage file_system ${folder}/storage\n}\n`
  await writeFile(config, options + text)
  const service = await startService(port, ['caddy', 'run', '--config', config, '--adapter', 'caddyfile'])
  // It asks /ready itself.
  return Object.assign(service, { takeOut: async () => {}, putBack: async () => {} })
}

/** Writes a key and a certificate for localhost that it has signed itself. */
export async function certify(key: string, certificate: string) {
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
  ])
}
