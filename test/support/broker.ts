import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { certify } from './fronts.js'
import { freePort, listens } from './programs.js'
import { temporaryFolder, until } from './server.js'

/** Debian's programs, without the wrapper in /usr/sbin that changes to the account and the folders of the system's broker. */
const BIN = '/usr/lib/rabbitmq/bin'

/** What is started by that ends with us, however we end. */
const WITH_US = ['--pdeathsig', 'KILL']

/** A RabbitMQ for a test alone, on loopback: with ports, folders, a cookie and an epmd of its own. */
export interface Broker {
  /** For BUS, as its first user. */
  readonly url: string
  /** For BUS, by TLS, under the name or address. The certificate is one for localhost, which it has signed itself. */
  secureUrlAt(host: string): string
  readonly certificate: string
  /** For BUS, as another user. */
  urlOf(user: string, password: string, vhost?: string): string
  /** Ends it as a crash does. */
  kill(): Promise<void>
  start(): Promise<void>
  pause(): void
  resume(): void
  /** Runs rabbitmqctl. Returns what it printed. */
  control(...args: string[]): Promise<string>
  /** Whether its memory is full, as far as it knows. It takes no messages then. */
  fill(full: boolean): Promise<void>
  close(): Promise<void>
}

/** Skips what it is a hook of if RabbitMQ is missing, and says so; fails in CI. */
export function skipWithoutBroker(this: Mocha.Context) {
  try {
    accessSync(`${BIN}/rabbitmq-server`, constants.X_OK)
  } catch {
    if (process.env.CI === 'true') {
      throw new Error('This test needs RabbitMQ. Please install the package rabbitmq-server.')
    }
    console.log('      Left out: what needs RabbitMQ, which is not installed (the package rabbitmq-server of Debian).')
    this.skip()
  }
}

/** Starts one. Takes some ten seconds. */
export async function openBroker(): Promise<Broker> {
  const folder = await temporaryFolder('chatire-broker-')
  const [port, securePort, mapper, peers] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const at = (name: string) => path.join(folder.path, name)
  const [key, certificate] = [at('key.pem'), at('certificate.pem')]
  await certify(key, certificate)
  await writeFile(
    at('rabbitmq.conf'),
    `listeners.tcp.default = 127.0.0.1:${port}
listeners.ssl.default = 127.0.0.1:${securePort}
ssl_options.certfile = ${certificate}
ssl_options.keyfile = ${key}
log.console = false
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
`,
  )
  await writeFile(at('plugins'), '[].')
  const env = {
    PATH: process.env.PATH,
    HOME: folder.path,
    RABBITMQ_BASE: folder.path,
    RABBITMQ_NODENAME: 'chatire@localhost',
    RABBITMQ_MNESIA_BASE: at('mnesia'),
    RABBITMQ_LOG_BASE: at('log'),
    RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: at('plugins'),
    RABBITMQ_PID_FILE: at('pid'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    // Lets the script become the broker. Otherwise it is its parent, and the broker outlives us.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_DIST_PORT: String(peers),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(mapper),
  }
  // Otherwise the broker would start one that outlives it.
  const epmd = spawn('setpriv', [...WITH_US, 'epmd'], { env, stdio: 'ignore' })
  await until(() => listens(mapper))
  let server: ChildProcess

  async function start() {
    let said = ''
    // In a group of its own, as it has helpers.
    server = spawn('setpriv', [...WITH_US, `${BIN}/rabbitmq-server`], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on('data', chunk => {
        said += chunk
      })
    }
    await until(() => {
      if (server.exitCode !== null) {
        throw new Error(`RabbitMQ does not start: ${said}`)
      }
      return listens(port)
    })
  }

  const signal = (name: NodeJS.Signals) => process.kill(-(server.pid as number), name)
  async function kill() {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit')
      signal('SIGKILL')
      await ended
    }
  }
  async function control(...args: string[]) {
    const child = spawn(`${BIN}/rabbitmqctl`, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        said += chunk
      })
    }
    const [code] = await once(child, 'close')
    if (code !== 0) {
      throw new Error(`rabbitmqctl ${args.join(' ')} ended with ${code}: ${said}`)
    }
    return said
  }

  await start()
  return {
    url: `amqp://127.0.0.1:${port}`,
    secureUrlAt: host => `amqps://${host}:${securePort}`,
    certificate,
    urlOf: (user, password, vhost = '') => `amqp://${user}:${password}@127.0.0.1:${port}/${vhost}`,
    kill,
    start,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    control,
    async fill(full) {
      await control('set_vm_memory_high_watermark', 'absolute', full ? '1' : '512MB')
    },
    async close() {
      await kill()
      epmd.kill('SIGKILL')
      await once(epmd, 'exit')
      await folder.remove()
    },
  }
}
