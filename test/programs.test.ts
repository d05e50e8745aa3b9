import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import path from 'node:path'
import { EXAMPLES } from './support/examples.js'
import { skipWithout } from './support/programs.js'
import { openProxy } from './support/proxy.js'
import { until } from './support/server.js'
import { openSite, type Site } from './support/site.js'
import { PASSWORD, type Program, signUpProgram } from './support/visitor.js'

/** What Python's requests does: it posts, tells what it has posted, and follows the chat. */
const REQUESTS = `
import os, requests
chat = f"{os.environ['SITE']}/api/chats/{os.environ['URI']}/"
session = requests.Session()
session.headers['Authorization'] = f"Token {os.environ['TOKEN']}"
def post(**options):
    answer = session.post(f'{chat}messages/', headers={'Idempotency-Key': 'one'}, **options)
    print(answer.status_code, answer.json()['message'], flush=True)
post(json={'message': 'é😀<&'})
post(data={'message': 'é😀<&'})
refused = session.post(f'{chat}messages/', json={'message': ''})
print(refused.status_code, refused.json()['field_codes']['message'], flush=True)
with session.get(f'{chat}live/', params={'after': 0}, stream=True) as stream:
    for line in stream.iter_lines(decode_unicode=True):
        print(line, flush=True)
`

/** As other people's programs use the API, each by its own means. */
describe('the API, used by', () => {
  let site: Site
  let ann: Program
  let uri: string
  let env: Record<string, string>
  const started: Started[] = []

  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
  })
  beforeEach(async () => {
    uri = await ann.startChat()
    env = { SITE: site.url, URI: uri, TOKEN: ann.token ?? '' }
  })
  afterEach(async () => {
    for (const program of started.splice(0)) {
      await program.end()
    }
  })
  after(() => site.close())

  const start = (...command: string[]) => {
    const program = startCommand(command, env)
    started.push(program)
    return program
  }
  const inShell = (line: string) => start('sh', '-c', line)

  describe('curl', () => {
    before(skipWithout('curl', '--version'))

    it('from signing up to posting', async () => {
      const user = `username=curl&password=${PASSWORD.replaceAll(' ', '+')}`
      const made = await inShell(`curl -sS -d '${user}' $SITE/auth/users/create/`).over()
      assert.equal(JSON.parse(made).username, 'curl')
      const { auth_token } = JSON.parse(await inShell(`curl -sS -d '${user}' $SITE/auth/token/create/`).over())
      env.TOKEN = auth_token
      const chat = JSON.parse(
        await inShell('curl -sS -X POST -H "Authorization: Token $TOKEN" $SITE/api/chats/').over(),
      )
      env.URI = chat.uri
      const send = `curl -sS -w '\\n%{http_code}' -H "Authorization: Token $TOKEN" -H 'Idempotency-Key: one' --data-urlencode`
      for (const status of ['201', '200']) {
        const [posted = '', code] = (
          await inShell(`${send} 'message=100 % & é😀' $SITE/api/chats/$URI/messages/`).over()
        ).split('\n')
        assert.deepEqual([JSON.parse(posted).message, code], ['100 % & é😀', status])
      }
    })

    it('which follows a chat', async () => {
      const curl = inShell('exec curl -sSN -H "Authorization: Token $TOKEN" "$SITE/api/chats/$URI/live/?after=0"')
      await curl.says(/^event: joined$/m)
      await ann.post(uri, 'as it happens')
      await curl.says(/^event: message\ndata: .*"message":"as it happens"/m)
    })

    it('which waits for what is new', async () => {
      const curl = inShell(
        'exec curl -sS -H "Authorization: Token $TOKEN" "$SITE/api/chats/$URI/messages/?after=1&wait=25"',
      )
      await ann.post(uri, 'waited for')
      const { messages, version } = JSON.parse(await curl.over())
      assert.deepEqual([messages[0].message, version], ['waited for', 2])
    })
  })

  describe('python3-requests', () => {
    before(skipWithout('python3', '-c', 'import requests'))

    it('which posts, and follows a chat line by line', async () => {
      const python = start('python3', '-c', REQUESTS)
      await python.says(/^201 é😀<&\n200 é😀<&\n422 \['blank'\]\n/)
      await python.says(/^event: ready$[\s\S]*^event: joined$[\s\S]*^event: message$/m)
      // Nothing follows it that would push it out of a buffer.
      await ann.post(uri, 'as it happens')
      await python.says(/^data: .*"message":"as it happens"/m)
    })
  })

  describe('httpie', () => {
    before(skipWithout('http', '--version'))

    const call = (...words: string[]) =>
      start('http', '--ignore-stdin', '--pretty=none', '--print=hb', ...words, `Authorization:Token ${ann.token}`)

    it('which posts, and is told what is wrong', async () => {
      const messages = `${site.url}/api/chats/${uri}/messages/`
      assert.match(await call('POST', messages, 'message=é😀<&').over(), /^HTTP\/1\.1 201 [\s\S]*"message":"é😀<&"/)
      const refused = await call('POST', messages, 'message=hello', 'reply_too=5').over()
      assert.match(refused, /^HTTP\/1\.1 422 [\s\S]*"code":"unknown_field"/)
      assert.match(await call('--form', 'POST', messages, 'message=by form').over(), /^HTTP\/1\.1 201 /)
      assert.match(await call(messages, 'Accept:text/plain').over(), /ann: é😀<&\n[\s\S]*by form/)
    })

    it('which follows a chat', async () => {
      const http = call('--stream', `${site.url}/api/chats/${uri}/live/`, 'after==0')
      await http.says(/^event: joined$/m)
      await ann.post(uri, 'as it happens')
      await http.says(/"message":"as it happens"/)
    })
  })

  describe('wscat', () => {
    it('which reads and posts', async () => {
      const wscat = start(
        ...[process.execPath, path.join(EXAMPLES, 'node_modules/.bin/wscat'), '--no-color'],
        ...['-H', `Authorization: Token ${ann.token}`],
        ...['-c', `${site.url.replace('http', 'ws')}/api/chats/${uri}/live/?after=0`],
      )
      await wscat.says(/"event":"ready"[\s\S]*"event":"joined"/)
      await ann.post(uri, 'to wscat')
      await wscat.says(/"message":"to wscat"/)
      wscat.type('{"message": "from wscat", "key": "one"}')
      await wscat.says(/"message":"from wscat"[^\n]*"key":"one"|"key":"one"[^\n]*"message":"from wscat"/)
      const { messages } = (await ann.call('GET', `/api/chats/${uri}/messages/`)).json
      assert.deepEqual(
        messages.map(({ message }: { message: string }) => message),
        ['to wscat', 'from wscat'],
      )
    })
  })

  describe('the npm package eventsource', () => {
    it('which misses nothing and gets nothing twice where its stream is cut @long', async () => {
      const proxy = await openProxy(site)
      const { EventSource } = createRequire(path.join(EXAMPLES, 'package.json'))('eventsource')
      const authorization = `Token ${ann.token}`
      const stream = new EventSource(`${proxy.url}/api/chats/${uri}/live/`, {
        fetch: (url: string, init: { headers: Record<string, string> }) =>
          fetch(url, { ...init, headers: { ...init.headers, authorization } }),
      })
      const got: string[] = []
      let opened = 0
      stream.addEventListener('ready', () => opened++)
      stream.addEventListener('message', ({ data }: { data: string }) => got.push(JSON.parse(data).message))
      try {
        await until(() => opened === 1)
        await ann.post(uri, 'before')
        await until(() => got.length === 1)
        for (const [n, how] of (['reset', 'end'] as const).entries()) {
          assert.equal(proxy.cut(/\/live\//, how), 1)
          await ann.post(uri, `meanwhile ${n}`)
          await until(() => got.length === 2 * n + 2)
          await ann.post(uri, `after ${n}`)
          await until(() => got.length === 2 * n + 3)
        }
        assert.deepEqual(got, ['before', 'meanwhile 0', 'after 0', 'meanwhile 1', 'after 1'])
        assert.equal(opened, 3)
      } finally {
        stream.close()
        await proxy.close()
      }
    })
  })
})

type Started = ReturnType<typeof startCommand>

/** A command, and what it prints. */
function startCommand([program = '', ...args]: string[], env: Record<string, string>) {
  const child = spawn(program, args, { env: { ...process.env, ...env } })
  const ended = once(child, 'close')
  let said = ''
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', chunk => {
      said += chunk
    })
  }
  return {
    /** Waits until it has printed that. */
    async says(words: RegExp) {
      await until(() => words.test(said)).catch(() => assert.match(said, words))
    },
    type(line: string) {
      child.stdin.write(`${line}\n`)
    },
    /** Waits for its end, and returns all that it has printed. */
    async over(): Promise<string> {
      await ended
      return said
    },
    async end() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
