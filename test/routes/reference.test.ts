import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { guest } from '../support/guests.js'
import { skipWithout } from '../support/programs.js'
import { openSite, type Site } from '../support/site.js'
import { printed, skipWithoutBrowser } from '../support/terminal.js'
import { Program, signUpProgram, Visitor } from '../support/visitor.js'

const run = promisify(execFile)

interface Operation {
  operationId: string
  deprecated?: boolean
  security: { token: string[] }[]
  responses: Record<string, unknown>
}

describe('GET /api/', () => {
  let site: Site
  let page: string
  let operations: Operation[]
  before(async () => {
    // As in the example of a ticket.
    site = await openSite({ CORS_ORIGINS: 'https://app.example.org' })
    page = (await new Visitor(site).get('/api/')).text
    const { json } = await new Visitor(site).send('GET', '/api/openapi.json')
    operations = Object.values<Record<string, Operation>>(json.paths)
      .flatMap(path => Object.values(path))
      .filter(({ deprecated }) => !deprecated)
  })
  after(() => site.close())

  it('has each request of the document, and each link on it leads somewhere', () => {
    assert.ok(operations.length > 40)
    for (const { operationId } of operations) {
      assert.ok(lineOf(operationId), operationId)
    }
    for (const [, id] of page.matchAll(/ href="#([\w-]+)"/g)) {
      assert.ok(page.includes(` id="${id}"`), id)
    }
    assert.ok(page.includes(`SITE=${site.url}\n`))
  })

  it('has lines that work in a shell as they stand @long', async function () {
    await skipWithout('curl', '--version').call(this)
    for (const [place, { operationId, responses }] of operations.entries()) {
      // Each has somebody and something of its own: some delete what they are told.
      const ann = await signUpProgram(site, `ann${place}`)
      const URI = await ann.startChat()
      const { id } = (await ann.post(URI, 'hello')).json
      const env = { ...process.env, SITE: site.url, TOKEN: ann.token, URI, ID: String(id) }
      const script = `${lineOf(operationId)} --silent --max-time 1 --write-out '\\n%{http_code}'`
      const ran = await run('sh', ['-c', script], { env }).catch(error => error)
      const status = ran.stdout.trim().split('\n').at(-1)
      assert.ok(responses[status], `${operationId}: ${script}: ${ran.stdout}`)
      assert.ok(!['400', '401', '405', '413', '414', '415'].includes(status), `${operationId}: ${ran.stdout}`)
      assert.doesNotMatch(ran.stdout, /"code":"(invalid_input|unknown_field)"/)
    }
  })

  it('puts a token that reads, for a day, into all lines for who is signed in, and they work so @long', async function () {
    await skipWithout('curl', '--version').call(this)
    const visitor = await new Visitor(site).signUp('reader')
    const uri = await visitor.startChat()
    await visitor.post(`/chats/${uri}/messages`, { message: 'hello' })
    assert.match((await visitor.get('/api/')).text, /<form [^>]*action="\/api\/">[\s\S]*Put a Token into the Lines/)
    assert.doesNotMatch(page, /Put a Token into the Lines/)
    const made = await visitor.post('/api/')
    assert.equal(made.status, 200)
    assert.match(made.headers.get('cache-control') ?? '', /no-store/)
    const [, key = ''] = /TOKEN=(chatire_[\w-]{50})\n/.exec(made.text) ?? []
    const { rows } = await site.pool.query(
      `select scopes, name, extract(epoch from expires_at - now()) as lasts from tokens where key_hash = sha256($1)`,
      [key],
    )
    assert.deepEqual([rows[0].scopes, rows[0].name, Math.round(rows[0].lasts / 3600)], [['read'], '', 24])
    const { id } = (await new Program(site, key).call('GET', `/api/chats/${uri}/messages/`)).json.messages[0]
    const env = { ...process.env, URI: uri, ID: String(id) }
    const reading = [
      'getAccount',
      'listChats',
      'getChat',
      'listMessages',
      'getMessage',
      'search',
      'searchChat',
      'listEvents',
    ]
    for (const { operationId, security } of operations) {
      const line = lineOf(operationId, made.text) ?? ''
      assert.equal(line.includes(key), security.length > 0, operationId)
      assert.ok(line.includes(site.url) && !/\$(TOKEN|SITE)/.test(line), line)
      const script = `${line} --silent --max-time 1 --write-out '\\n%{http_code}'`
      // Revoking itself is what a token may do in any case.
      const ran =
        operationId === 'destroyToken' ? undefined : await run('sh', ['-c', script], { env }).catch(error => error)
      const [
        {
          token: [scope],
        } = { token: [] },
      ] = security
      if (ran && scope) {
        const isBeyond = /"code":"insufficient_scope"/.test(ran.stdout)
        assert.equal(isBeyond, scope !== 'read', `${operationId}: ${ran.stdout}`)
        assert.ok(!reading.includes(operationId) || /\n200$/.test(ran.stdout), `${operationId}: ${ran.stdout}`)
      }
    }
    assert.ok(!(await visitor.get('/api/')).text.includes(key))
    assert.ok(!site.log.join('').includes(key))
  })

  it('makes that token once for each time that the form is sent, without a name', async () => {
    const ann = await new Visitor(site).signUp('once')
    const keys = [(await ann.post('/api/')).text, (await ann.post('/api/')).text].map(
      text => /TOKEN=(\S+)/.exec(text)?.[1],
    )
    assert.equal(new Set(keys).size, 2)
    const { tokens } = (await ann.send('GET', '/api/account/tokens/')).json
    assert.deepEqual(
      tokens.map(({ name, scopes }: { name: string; scopes: string[] }) => [name, scopes]),
      [
        ['', ['read']],
        ['', ['read']],
      ],
    )
  })

  it('gives a guest no token, nor a form of another site', async () => {
    const gus = await guest(site, 'Gus')
    assert.doesNotMatch((await gus.get('/api/')).text, /Put a Token into the Lines/)
    assert.equal((await gus.post('/api/')).status, 403)
    const ann = await new Visitor(site).signUp('forged')
    assert.equal((await ann.post('/api/', { csrf: 'x' })).status, 403)
    assert.equal((await new Visitor(site).post('/api/')).status, 401)
  })

  it('is read in lynx', async function () {
    await skipWithoutBrowser('lynx').call(this)
    const text = await printed('lynx', ['-dump', '-nolist', '-width=200', `${site.url}/api/`])
    assert.match(text, /POST \/api\/chats\/\{uri\}\/messages\//)
    assert.match(
      text,
      /curl -H "Authorization: Token \$TOKEN" -H 'Content-Type: application\/json' -d '\{"message":"hello"\}'/,
    )
    assert.match(text, /read_only, 403/)
  })

  /** The line as a browser shows it. */
  function lineOf(id: string, text = page): string | undefined {
    const [, html = ''] = new RegExp(`<section [^>]*id="${id}"[^]*?<pre[^>]*>([^<]*)</pre>`).exec(text) ?? []
    return html
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&')
  }
})

describe('the lines of README about the API', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('work in a shell as they stand', async function () {
    await skipWithout('curl', '--version').call(this)
    const readme = readFileSync(fileURLToPath(new URL('../../../README.md', import.meta.url)), 'utf8')
    const [, lines = ''] = /## The API, in six lines\n\n```sh\n([\s\S]*?)```/.exec(readme) ?? []
    assert.ok(lines.includes('http://localhost:8000'))
    // The last one follows the chat until it is told to stop.
    const script = lines.replace('http://localhost:8000', site.url).replace('curl -N', 'curl -N --max-time 3')
    const { stdout } = await run('sh', ['-c', script]).catch(error => error)
    assert.match(stdout, /"username":"ann"/)
    assert.equal(stdout.match(/"message":"100 % & more"/g)?.length, 2)
    assert.match(stdout, /^event: ready$/m)
  })
})
