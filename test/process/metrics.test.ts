import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { CODES } from '../../src/codes.js'
import { freePort, skipWithout } from '../support/programs.js'
import { type Running, runProgram, startServer, temporaryFolder, until } from '../support/server.js'
import { cutStreams, openEvents, openSocket } from '../support/streams.js'
import { signUpProgram, Visitor } from '../support/visitor.js'

const NAMES = [
  'posts_total',
  'replays_total',
  'refusals_total',
  'streams',
  'stream_ends_total',
  'delivery_seconds',
  'sweep_age_seconds',
  'bus_up',
  'bus_hints_total',
  'pool_waiting',
  'event_loop_delay_seconds',
  'feed_bytes',
  'piece_bytes',
]

/** All that a label may say. */
const LABELS: Record<string, RegExp> = {
  outcome: /^(posted|again|conflict|stranger|read only|refused|unanswerable|failed|queue full)$/,
  code: new RegExp(`^(${Object.keys(CODES).join('|')})$`),
  kind: /^(page|list|frame|events|socket|wait)$/,
  reason: /^(left|removed|signed_out|deleted|restart|slow|closed)$/,
  bus: /^(postgres|rabbitmq|off)$/,
  way: /^(sent|received|lost)$/,
  quantile: /^(0\.5|0\.99|1)$/,
  le: /^(\d+(\.\d+)?|\+Inf)$/,
}

describe('the metrics', () => {
  let data: Awaited<ReturnType<typeof temporaryFolder>>
  let port: number
  const running: Running[] = []

  before(async () => {
    data = await temporaryFolder()
  })
  after(() => data.remove())
  beforeEach(async () => {
    port = await freePort()
  })
  afterEach(async () => {
    cutStreams()
    for (const { child, ended } of running.splice(0)) {
      child.kill('SIGTERM')
      await ended
    }
  })

  async function start(env: Record<string, string>) {
    const server = await startServer({ DATA_DIR: data.path, ...env })
    running.push(server)
    return server
  }

  async function exposition(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
    assert.equal(answer.status, 200)
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    return answer.text()
  }

  /** The sum of all series of that name whose labels match. */
  function value(text: string, name: string, labels = ''): number {
    const lines = text.split('\n').filter(line => line.startsWith(`chatire_${name}`) && line.includes(labels))
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  for (const workers of ['1', '2']) {
    it(`count what happens, and name nobody (WEB_CONCURRENCY=${workers})${workers === '2' ? ' @long' : ''}`, async () => {
      const server = await start({ METRICS_PORT: String(port), WEB_CONCURRENCY: workers })
      const ann = await signUpProgram(server, `metered-ann-${workers}`)
      const bob = await signUpProgram(server, `metered-bob-${workers}`)
      const uri = await ann.startChat()
      await bob.join(uri)
      const posted = async (message: string, key: string) =>
        (await ann.call('POST', `/api/chats/${uri}/messages/`, { message, key })).status
      assert.equal(await posted('a word of theirs', 'a-key-of-theirs'), 201)
      const stream = await openEvents(server, `/api/chats/${uri}/live/?after=0`, bob)
      const socket = await openSocket(server, `/api/chats/${uri}/live/`, ann)
      await stream.shows('a word of theirs')
      assert.equal(await posted('a word of theirs', 'a-key-of-theirs'), 200)
      assert.equal(await posted('another word', 'a-key-of-theirs'), 422)
      assert.equal(await posted('the last word', 'another-key'), 201)
      await stream.shows('the last word')
      const stranger = await new Visitor(server).signUpByForm(`metered-eve-${workers}`)
      assert.equal((await stranger.get(`/chats/${uri.replace(/./g, 'A')}`)).status, 404)
      assert.equal((await bob.call('DELETE', `/api/chats/${uri}/members/me/`)).status, 204)
      await stream.over()

      await until(async () => value(await exposition(), 'stream_ends_total', 'left') === 1)
      const text = await exposition()
      assert.equal(value(text, 'posts_total', 'outcome="posted"'), 2)
      assert.equal(value(text, 'posts_total', 'outcome="again"'), 1)
      assert.equal(value(text, 'posts_total', 'outcome="conflict"'), 1)
      assert.equal(value(text, 'refusals_total', 'code="not_found"'), 1)
      assert.equal(value(text, 'refusals_total', 'code="key_conflict"'), 1)
      assert.equal(value(text, 'replays_total'), 1)
      assert.equal(value(text, 'streams{', 'kind="socket"'), 1)
      assert.equal(value(text, 'streams{', 'kind="events"'), 0)
      assert.ok(value(text, 'delivery_seconds_count') >= 1)
      assert.equal(value(text, 'bus_up'), 1)
      await until(async () => value(await exposition(), 'feed_bytes') > 0)
      assertNamesNobody(text)
      socket.cut()
    })
  }

  it('are not there unless METRICS_PORT is set @long', async () => {
    const server = await start({})
    assert.ok(!server.lines.some(line => /Metrics/.test(line)))
    assert.equal((await fetch(`${server.url}/metrics`)).status, 404)
  })

  it('do without a port that is taken: the log says so, and the chat goes on @long', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    try {
      const taken = String((other.address() as AddressInfo).port)
      const server = await start({ METRICS_PORT: taken })
      const told = server.lines.filter(line => line.includes('There are no metrics'))
      assert.equal(told.length, 1)
      assert.match(told[0] ?? '', new RegExp(`port ${taken} of 127\\.0\\.0\\.1.*METRICS_PORT.*EADDRINUSE`))
      assert.equal((await fetch(`${server.url}/ready`)).status, 200)
    } finally {
      other.close()
    }
  })
})

describe('the alert rules', () => {
  before(skipWithout('promtool', '--version'))

  it('are rules of Prometheus, ask for metrics that exist, and say what to do', async () => {
    const file = fileURLToPath(new URL('../../../deploy/alerts.yml', import.meta.url))
    const { child, lines, ended } = runProgram('promtool', ['check', 'rules', file], {})
    child.stdout.on('data', chunk => lines.push(String(chunk)))
    assert.equal(await ended, 0, lines.join('\n'))
    assert.match(lines.join('\n'), /SUCCESS: \d+ rules found/)
    const text = readFileSync(file, 'utf8')
    for (const [, name = ''] of text.matchAll(/chatire_(\w+)/g)) {
      assert.ok(NAMES.includes(name.replace(/_bucket$/, '')), name)
    }
    assert.equal(text.match(/- alert: /g)?.length, text.match(/ action: \S/g)?.length)
  })
})

function assertNamesNobody(text: string) {
  const series = text.split('\n').filter(line => line && !line.startsWith('#'))
  const names = new Set<string>()
  for (const line of series) {
    const [, name = '', labels = ''] = /^chatire_(\w+)(?:\{(.*)\})? [\d.e+-]+$/.exec(line) ?? []
    assert.ok(name, line)
    names.add(name.replace(/^(delivery_seconds)_(bucket|sum|count)$/, '$1'))
    for (const [, label = '', said = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      assert.match(said, LABELS[label] ?? /^$/, line)
    }
    assert.equal(labels.replace(/(\w+)="([^"]*)",?/g, ''), '', line)
  }
  assert.deepEqual([...names].sort(), [...NAMES].sort())
}
