import { statfs } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Config, readConfig } from '../config.js'
import { OperatorError } from '../operator-error.js'
import { backupFolder, backupsIn, readAbout } from './backup-folder.js'
import { aboutBus } from './bus-findings.js'
import { aboutDatabase } from './database-findings.js'
import { bad, type Finding, GB, ok, PATIENCE, warn } from './findings.js'
import { beginEpoch } from './new-epoch.js'

const USAGE = `npm run doctor              looks whether all is set as it should be
npm run doctor -- --backups <folder>   the same, with the backups there: without it those in ./backups
npm run doctor -- --json    the same as JSON
npm run doctor -- new-epoch after the files of the database were put back by hand: see docs/backup.md`

/**
 * Looks at the settings, the machine, the running program and its database, and changes nothing. Returns a line for each finding, or with
 * `--json` all of them as an array. With `new-epoch` it begins an epoch instead.
 */
export async function examine(args: string[], env: NodeJS.ProcessEnv): Promise<{ text: string; isBad: boolean }> {
  const { isEpoch, asJson, backups } = readArguments(args)
  if (isEpoch) {
    return { text: await beginEpoch(env), isBad: false }
  }
  const config = readConfig(env)
  const findings = [
    ...aboutSettings(config),
    aboutFiles(),
    ...(await aboutDisk(config)),
    ...(await aboutProgram(config)),
    ...(await aboutDatabase(config)),
    await aboutBus(config),
    await aboutBackups(backups),
  ]
  return {
    text: asJson ? JSON.stringify(findings, null, 2) : findings.map(line).join('\n'),
    isBad: findings.some(({ state }) => state === 'bad'),
  }
}

function readArguments(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, backups: { type: 'string' } },
    })
    const isEpoch = positionals.length === 1 && positionals[0] === 'new-epoch' && args.length === 1
    if (isEpoch || positionals.length === 0) {
      return { isEpoch, asJson: values.json, backups: backupFolder(values.backups) }
    }
  } catch {
    // An option that there is not.
  }
  throw new OperatorError(USAGE)
}

function line({ what, state, says, todo }: Finding): string {
  return `${state.padEnd(4)}  ${what}: ${says}${todo && ` ${todo}`}`
}

function aboutSettings({ limited, publicUrl, secure, trustedProxies, databaseUrl }: Config): Finding[] {
  return [
    limited
      ? ok('limits', 'The rate limits are on.')
      : bad('limits', 'LIMITS=off lifts the limit for guessing passwords.', 'Take LIMITS out of the settings.'),
    publicUrl
      ? secure
        ? ok('public url', `People come by ${publicUrl.href}.`)
        : warn(
            'public url',
            `${publicUrl.href} is not encrypted.`,
            'Let a proxy answer by https, and set PUBLIC_URL to that.',
          )
      : warn(
          'public url',
          'PUBLIC_URL is not set.',
          'Set it to the URL that people use if others than you use the chat.',
        ),
    secure && trustedProxies === 0
      ? bad(
          'proxies',
          'PUBLIC_URL is https, so a proxy is in front, and TRUST_PROXY is 0: all people count as one address.',
          'Set TRUST_PROXY to the number of proxies.',
        )
      : trustedProxies > 0 && !publicUrl
        ? bad('proxies', 'TRUST_PROXY is set and PUBLIC_URL is not.', 'Set PUBLIC_URL to the URL that people use.')
        : ok('proxies', `${trustedProxies} in front.`),
    databaseUrl
      ? ok('database', 'DATABASE_URL names it.')
      : warn(
          'database',
          'It is the private one in DATA_DIR, whose package gets the fixes of PostgreSQL late.',
          'On the internet use the PostgreSQL of your system, by DATABASE_URL.',
        ),
  ]
}

async function aboutBackups(folder: string): Promise<Finding> {
  const [newest] = await backupsIn(folder).catch(() => [])
  const about = newest ? await readAbout(newest) : undefined
  const days = about ? (Date.now() - Date.parse(about.made_at)) / 86_400_000 : Number.POSITIVE_INFINITY
  const todo =
    'Let npm run backup run every night, and keep what it makes elsewhere too. If it has another folder, name that by --backups.'
  return days > 2
    ? warn('backup', about ? `The newest in ${folder} is ${Math.floor(days)} days old.` : `None is in ${folder}.`, todo)
    : ok('backup', `The newest in ${folder} is of ${about?.made_at}.`)
}

/** Node raises its limit to the hard one by itself. */
function aboutFiles(): Finding {
  const report = process.report.getReport() as { userLimits?: { open_files?: { hard: number | string } } }
  const hard = report.userLimits?.open_files?.hard ?? 'unlimited'
  const says = `A program that is started from here can have ${hard} files and connections open.`
  const todo = 'Raise it with ulimit -Hn, or LimitNOFILE of its unit: each reader holds one open.'
  return Number(hard) < 1024
    ? bad('files', says, todo)
    : Number(hard) < 16_384
      ? warn('files', says, todo)
      : ok('files', says)
}

async function aboutDisk({ databaseUrl, dataDir }: Config): Promise<Finding[]> {
  const disk = databaseUrl ? undefined : await statfs(dataDir).catch(() => undefined)
  if (!disk) {
    return []
  }
  const free = disk.bavail * disk.bsize
  const part = disk.bavail / disk.blocks
  const says = `${(free / GB).toFixed(1)} GB of the disk of DATA_DIR are free (${Math.round(part * 100)} %).`
  const todo = 'Make room or use a larger disk: nothing can be posted when it is full.'
  return [
    free < GB / 2 ? bad('disk', says, todo) : free < 5 * GB && part < 0.2 ? warn('disk', says, todo) : ok('disk', says),
  ]
}

/** What the running program says by its own port, and by PUBLIC_URL. */
async function aboutProgram({ host, port, publicUrl, secure }: Config): Promise<Finding[]> {
  const everywhere = host === undefined || host === '0.0.0.0' || host === '::'
  const near = new URL(`http://${everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}/ready`)
  const program = await asked(near)
  const findings = [
    program.status === 200
      ? ok('program', `It answers at ${near.host}, and can read and write.`)
      : program.status === undefined
        ? warn(
            'program',
            `Nothing answers at ${near.host}: ${program.text}.`,
            'Start the program, or give HOST and PORT here as there.',
          )
        : bad('program', `${near.host} answers ${program.status}: ${program.text}`, 'Mend what it names.'),
  ]
  if (publicUrl && program.status === 200) {
    findings.push(aboutFront(publicUrl, await asked(new URL('/ready', publicUrl)), secure))
  }
  return findings
}

function aboutFront({ href }: URL, { status, text, headers }: Asked, secure: boolean): Finding {
  const what = 'proxy'
  if (status === undefined) {
    return bad(
      what,
      `${href} cannot be reached from here: ${text}.`,
      'Look at the name, the certificate and the proxy.',
    )
  }
  if (status >= 300 && status < 400) {
    return bad(what, `${href} leads on to ${headers?.get('location')}.`, 'Set PUBLIC_URL to where it leads.')
  }
  if (status !== 200) {
    return bad(
      what,
      `${href} answers ${status}, and the program itself 200.`,
      'Let the proxy pass all paths on to the program.',
    )
  }
  if (secure && !headers?.get('strict-transport-security')) {
    return bad(
      what,
      `${href} does not have the headers of this program (Strict-Transport-Security).`,
      'Start the program with the same PUBLIC_URL, and let the proxy pass its headers on.',
    )
  }
  return ok(what, `${href} leads to the program.`)
}

interface Asked {
  status?: number
  headers?: Headers
  text: string
}

async function asked(url: URL): Promise<Asked> {
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE) })
    const { status, headers } = answer
    return { status, headers, text: (await answer.text()).trim().slice(0, 500) }
  } catch (error) {
    const { message, cause } = error as Error
    return { text: cause instanceof Error && cause.message ? cause.message : message }
  }
}
