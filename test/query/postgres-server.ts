/** A PostgreSQL of a test's own, from the packages of the system: in a temporary folder, on a free port, gone afterwards. */
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SQL } from 'bun'
import { waitFor } from '../harness.ts'

export interface PostgresServer {
  /** of its administrator, who owns everything */
  url: string
  port: number
  sql: SQL
  /** SIGQUIT: every connection is lost at once */
  kill(): Promise<void>
  /** comes up again, with what was committed */
  start(): Promise<void>
  stop(): Promise<void>
}

const DEBIAN = '/usr/lib/postgresql'
const PASSWORD = 'only-for-tests'

/** Where the system has PostgreSQL's programs; undefined: nowhere. */
function postgresPrograms(): string | undefined {
  const path = Bun.which('initdb')
  if (path && Bun.which('postgres')) return path.replace(/\/initdb$/, '')
  if (!existsSync(DEBIAN)) return undefined
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a))
  return versions.map(version => join(DEBIAN, version, 'bin')).find(bin => existsSync(join(bin, 'initdb')))
}

/** Why tests with PostgreSQL are skipped, or undefined where they run: in CI they always do, and fail. */
export const noPostgres = (): string | undefined =>
  postgresPrograms() || process.env.CI ? undefined : 'PostgreSQL is not installed (Debian: apt-get install postgresql)'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise(done => server.close(done))
  return port
}

/** @param locale of the database's texts: `C` compares bytes, `en-x-icu` words */
export async function startPostgres(locale: 'C' | 'icu' = 'C'): Promise<PostgresServer> {
  const bin = postgresPrograms()
  if (!bin) throw new Error('PostgreSQL is not installed (Debian: apt-get install postgresql)')
  const folder = mkdtempSync(join(tmpdir(), 'callgate-postgres-'))
  const data = join(folder, 'data')
  // it refuses to run as root
  const user = process.getuid?.() === 0 ? postgresUser() : undefined
  if (user) chownSync(folder, user.uid, user.gid)
  const as = user ? ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : []
  const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C', HOME: folder }
  const password = join(folder, 'password')
  await Bun.write(password, PASSWORD)
  if (user) chownSync(password, user.uid, user.gid)
  const locales = locale === 'icu' ? ['--locale-provider=icu', '--icu-locale=en'] : []
  const made = Bun.spawnSync(
    [
      ...as,
      `${bin}/initdb`,
      '-D',
      data,
      '-U',
      'owner',
      '--pwfile',
      password,
      '-A',
      'scram-sha-256',
      '--no-sync',
      '-E',
      'UTF8',
      '--locale=C',
      ...locales,
    ],
    { env, cwd: folder },
  )
  if (made.exitCode !== 0) throw new Error(`initdb: ${made.stderr}`)
  const port = await freePort()
  const url = `postgres://owner:${PASSWORD}@127.0.0.1:${port}/postgres`
  let running: Bun.Subprocess | undefined
  let sql = new SQL(url, { max: 2 })
  const settings = [
    'fsync=off',
    'full_page_writes=off',
    `unix_socket_directories=${folder}`,
    'max_connections=100', // pools of several tests at a time: those of before may be ending
    'shared_buffers=32MB',
  ]
  const server: PostgresServer = {
    url,
    port,
    get sql() {
      return sql
    },
    async start() {
      const options = settings.flatMap(setting => ['-c', setting])
      const log = join(folder, 'log')
      running = Bun.spawn([...as, `${bin}/postgres`, '-D', data, '-h', '127.0.0.1', '-p', String(port), ...options], {
        env,
        cwd: folder,
        stdout: 'ignore',
        stderr: Bun.file(log),
      })
      sql = new SQL(url, { max: 2 })
      await waitFor(async () => {
        if (running!.exitCode !== null) throw new Error(`postgres ended: ${readFileSync(log, 'utf8')}`)
        return sql`SELECT 1`.then(
          () => true as const,
          () => undefined,
        )
      })
    },
    async kill() {
      running?.kill('SIGQUIT')
      await running?.exited
    },
    async stop() {
      await sql.close({ timeout: 0 })
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

function postgresUser(): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(line => line.startsWith('postgres:'))
  if (!line) throw new Error('there is no user postgres to run PostgreSQL as')
  const [, , uid, gid] = line.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}
