/** What keeps a Callgate from starting is said in one clear line, with exit 1, and nothing is touched. */
import { Database } from 'bun:sqlite'
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { migrate } from '../../db/migrate.ts'
import { type Callgate, cleanUp, commandOf, EXECUTABLE, startCallgate, TARGETS, temporaryFolder } from '../harness.ts'
import { lines, type RunOptions, run } from './run.ts'

setDefaultTimeout(180_000)

const folder = temporaryFolder()
let running: Callgate
afterAll(cleanUp)

/** One line on stderr that says it, exit 1 unless `code` says another, and no word of a stack. */
async function refused(args: string[], says: RegExp, options: RunOptions & { code?: number } = {}): Promise<void> {
  const { code, stderr } = await run(['serve', ...args], { cwd: folder, ...options })
  expect(lines(stderr)).toEqual([expect.stringMatching(says)])
  expect(code).toBe(options.code ?? 1)
}

test('a port that is taken, and a data directory that another Callgate uses', async () => {
  running = await startCallgate()
  const { port } = new URL(running.url)
  await refused(
    ['--port', port, '--data-dir', join(folder, 'other')],
    new RegExp(`^callgate: Port ${port} on 127.0.0.1 is taken\\. .*--port`),
  )
  await refused(
    ['--port', '0', '--data-dir', running.dataDir],
    /^callgate: \/.* is in use by another Callgate\. .*--data-dir/,
  )
  expect((await running.call('/-/ready')).status).toBe(200)
  // the port was taken, but the data directory is free again
  const next = await startCallgate({ dataDir: join(folder, 'other') })
  expect(await next.stop()).toBe(0)
})

test('the lock of a Callgate that was killed does not stop the next one', async () => {
  await running.kill()
  const next = await startCallgate({ dataDir: running.dataDir })
  expect(await next.stop()).toBe(0)
})

test('a lock that is none is told as such, and not as a catalog that is damaged; once it is removed all is as it was', async () => {
  const { dataDir, stop } = await startCallgate()
  await stop()
  const [lock, catalog] = [join(dataDir, 'lock'), readFileSync(join(dataDir, 'catalog.db'))]
  writeFileSync(lock, '4711\n')
  await refused(['--port', '0', '--data-dir', dataDir], /^callgate: lock in \/.* is damaged, or not .*\. Remove it: /)
  expect([readFileSync(lock, 'utf8'), readFileSync(join(dataDir, 'catalog.db')).equals(catalog)]).toEqual([
    '4711\n',
    true,
  ])
  rmSync(lock)
  const next = await startCallgate({ dataDir })
  expect(await next.stop()).toBe(0)
})

test('a data directory that cannot be made, or that is no directory', async () => {
  writeFileSync(join(folder, 'file'), 'x')
  const says = /^callgate: The data directory \/.* cannot be written \(.*\)\. Name another one with --data-dir\.$/
  await refused(['--port', '0', '--data-dir', join(folder, 'file', 'below')], says)
  symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'))
  for (const name of ['file', 'dangling']) {
    const why = new RegExp(`cannot be written \\(/\\S+/${name} is a file, or a link that leads to no directory\\)`)
    await refused(['--port', '0', '--data-dir', join(folder, name)], why)
  }
})

test('a data directory whose path leaves no room for the names of files in it', async () => {
  const long = join(folder, ...Array(4).fill('x'.repeat(100)))
  await refused(['--port', '0', '--data-dir', long], /^callgate: The data directory's path is longer than 400 bytes: /)
  expect(readdirSync(folder)).not.toContain('x'.repeat(100))
})

test('a data directory whose catalog is missing or empty, as a copy that broke off leaves it: its tables and models stay', async () => {
  const dataDir = join(folder, 'broken-off')
  mkdirSync(join(dataDir, 'models'), { recursive: true })
  mkdirSync(join(dataDir, 'warehouse'))
  writeFileSync(join(dataDir, 'warehouse', 'rows.live.sqlite'), 'rows')
  const says =
    /^callgate: catalog\.db in .* is missing or empty, and without it .* would be removed\. Restore a backup, or name another/
  await refused(['--port', '0', '--data-dir', dataDir], says)
  writeFileSync(join(dataDir, 'catalog.db'), '')
  await refused(['--port', '0', '--data-dir', dataDir], says)
  // what is not committed of a copy that SQLite makes is taken back when it is opened
  const copying = new Database(join(dataDir, 'copying.db'), { create: true })
  copying.run('PRAGMA cache_size = 1')
  copying.run('BEGIN')
  copying.run('CREATE TABLE a (x)')
  copying.run('INSERT INTO a VALUES (zeroblob(1000000))')
  for (const name of ['copying.db', 'copying.db-journal'])
    copyFileSync(join(dataDir, name), join(dataDir, name.replace('copying', 'catalog')))
  expect(statSync(join(dataDir, 'catalog.db')).size).toBeGreaterThan(100_000)
  copying.close()
  await refused(['--port', '0', '--data-dir', dataDir], says)
  expect(readdirSync(join(dataDir, 'warehouse'))).toEqual(['rows.live.sqlite'])
})

test("somebody else's folder that is named as the data directory: what is in its uploads stays", async () => {
  const uploads = join(folder, 'site', 'uploads')
  mkdirSync(join(uploads, 'photos'), { recursive: true })
  writeFileSync(join(uploads, 'photos', 'a.jpg'), 'a photo')
  const says =
    /^callgate: catalog\.db in .* is missing or empty, and without it what is in .* uploads there would be removed/
  await refused(['--port', '0', '--data-dir', join(folder, 'site')], says)
  expect(readFileSync(join(uploads, 'photos', 'a.jpg'), 'utf8')).toBe('a photo')
})

test('what should not have happened is told with its stack and cause, and without our source', async () => {
  const dataDir = join(folder, 'hollow')
  mkdirSync(dataDir)
  const hollow = new Database(join(dataDir, 'catalog.db'), { create: true })
  hollow.run('PRAGMA user_version = 9')
  hollow.close()
  for (const target of TARGETS) {
    const { code, stderr } = await run(['serve', '--port', '0', '--data-dir', dataDir], { target })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^callgate: this should not have happened; please report it: SQLiteError: no such table: .*\n +at /,
    )
    expect(stderr).not.toMatch(/^ *\d+ \| /m)
  }
})

test('why the system lets no process start is told to whoever runs the server', async () => {
  writeFileSync(join(folder, 'rows.csv'), 'a\n1\n')
  writeFileSync(join(folder, 'lost.ts'), "process.execPath = '/nowhere/callgate'")
  const [bun = '', ...args] = commandOf('source')
  const { code, stderr } = await run(
    [...args, 'serve', 'rows.csv', '--port', '0', '--data-dir', join(folder, 'alone'), '--log-level', 'silent'],
    { cwd: folder, command: [bun, '--preload', join(folder, 'lost.ts')] },
  )
  expect(lines(stderr).filter(line => line.startsWith('callgate: '))).toEqual([
    expect.stringMatching(/^callgate: dataset files\.rows: The import process ended before it was done\.$/),
    'callgate: the import worker could not be started',
    expect.stringMatching(/^callgate: ENOENT: .*\/nowhere\/callgate/),
  ])
  expect(code).toBe(1)
})

/** The log of a server that is stopped as soon as it says something there, and ends well. */
async function logOf(command: string[], dataDir: string) {
  const server = Bun.spawn([...command, 'serve', '--port', '0', '--data-dir', join(folder, dataDir)], {
    env: { PATH: process.env.PATH ?? '', CALLGATE_DRAIN_DELAY: '0s' },
    stdout: 'ignore',
    stderr: 'pipe',
    timeout: 150_000,
  })
  let told = ''
  for await (const chunk of server.stderr.pipeThrough(new TextDecoderStream())) {
    if (told === '') server.kill('SIGTERM')
    told += chunk
  }
  expect(await server.exited).toBe(0)
  return lines(told).map(line => JSON.parse(line))
}

test('a server whose first token cannot be printed says so in its log, and goes on', async () => {
  const command = ['sh', '-c', 'exec "$@" >/dev/full', 'sh', ...commandOf('source')]
  const entries = await logOf(command, 'unread')
  expect(entries).toMatchObject([{ level: 'warn', code: 'ENOSPC' }, { msg: 'stopping' }])
  expect(entries[0].msg).toBe('what is printed cannot be written: a key or a token in it is not shown again')
})

test('a limit of open files that is low is told in the log at the start', async () => {
  const command = ['sh', '-c', 'ulimit -n 512 && exec "$@"', 'sh', ...commandOf('source')]
  const entries = await logOf(command, 'few-files')
  expect(entries).toMatchObject([{ level: 'warn', files: 512 }, { msg: 'stopping' }])
  expect(entries[0].msg).toStartWith('fewer than 1024 files and connections may be open at once (ulimit -n)')
})

test('what is wrong in the catalog ends the start, and no process of it goes on', async () => {
  const dataDir = join(folder, 'half-written')
  const first = await startCallgate({ dataDir })
  const { json } = await first.admin('POST', '/api/projects', { name: 'P', slug: 'p' })
  const service = { asset_type: 'api_service', asset_key: 's' }
  const scope = { 'x-project-id': String(json.project_id) }
  const { id } = (await first.admin('POST', '/api/publish/assets', service, scope)).json
  expect((await first.admin('POST', `/api/publish/assets/${id}/publish`)).status).toBe(200)
  expect(await first.stop()).toBe(0)
  const catalog = new Database(join(dataDir, 'catalog.db'))
  catalog.run("UPDATE assets SET published_config = '{'")
  catalog.close()
  for (const target of TARGETS) {
    const { code, stderr } = await run(['serve', '--port', '0', '--data-dir', dataDir], { target })
    expect(stderr).toMatch(/^callgate: this should not have happened; please report it: SyntaxError: /m)
    expect(code).toBe(1)
  }
})

test('a data directory that this user may not write', async () => {
  const owned = join(folder, 'owned')
  for (const dir of ['warehouse', 'models', 'uploads']) mkdirSync(join(owned, dir), { recursive: true })
  for (const dir of [folder, owned]) chmodSync(dir, 0o555)
  try {
    const options: RunOptions = process.getuid?.() === 0 ? unprivileged() : {}
    const says = /^callgate: The data directory \/.* cannot be written \(.*\)/
    await refused(['--port', '0', '--data-dir', owned], says, options)
    await refused(['--port', '0', '--data-dir', join(folder, 'new')], says, options)
    expect(readdirSync(owned).sort()).toEqual(['models', 'uploads', 'warehouse'])
  } finally {
    for (const dir of [folder, owned]) chmodSync(dir, 0o755)
  }
})

/** The executable as nobody; a copy of it, where nobody can reach it. */
function unprivileged(): RunOptions {
  const place = temporaryFolder()
  chmodSync(place, 0o755)
  copyFileSync(EXECUTABLE, join(place, 'callgate'))
  chmodSync(join(place, 'callgate'), 0o755)
  return {
    cwd: '/',
    command: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--', join(place, 'callgate')],
  }
}

const catalogFile = () => join(running.dataDir, 'catalog.db')

test('a catalog of a newer Callgate is refused and left as it is', async () => {
  const catalog = new Database(catalogFile())
  const { user_version: ours } = catalog.query('PRAGMA user_version').get() as { user_version: number }
  catalog.run('PRAGMA user_version = 999')
  catalog.run('PRAGMA wal_checkpoint(TRUNCATE)')
  catalog.close()
  const before = {
    bytes: readFileSync(catalogFile()),
    at: statSync(catalogFile()).mtimeMs,
    files: readdirSync(running.dataDir),
  }
  await refused(
    ['--port', '0', '--data-dir', running.dataDir],
    /^callgate: .*catalog\.db was written by a newer Callgate \(schema 999; this one knows \d+\)/,
  )
  expect({ bytes: readFileSync(catalogFile()), at: statSync(catalogFile()).mtimeMs }).toEqual({
    bytes: before.bytes,
    at: before.at,
  })
  expect(readdirSync(running.dataDir).filter(name => !/-(wal|shm)$/.test(name))).toEqual(
    before.files.filter(name => !/-(wal|shm)$/.test(name)),
  )
  const restored = new Database(catalogFile())
  restored.run(`PRAGMA user_version = ${ours}`)
  restored.close()
  const again = await startCallgate({ dataDir: running.dataDir })
  expect(await again.stop()).toBe(0)
})

test('a file that is no catalog is refused and left as it is', async () => {
  const dataDir = join(folder, 'no-catalog')
  mkdirSync(dataDir)
  const text = 'this is not a database, and long enough to be taken for one at first sight'
  writeFileSync(join(dataDir, 'catalog.db'), text)
  await refused(['--port', '0', '--data-dir', dataDir], /^callgate: catalog\.db in .* is damaged, or not Callgate's/)
  expect(readFileSync(join(dataDir, 'catalog.db'), 'utf8')).toBe(text)
})

test('a catalog that is damaged further inside is told so in a line too, and left as it is', async () => {
  const { dataDir, stop } = await startCallgate()
  await stop()
  const catalog = join(dataDir, 'catalog.db')
  const sqlite = new Database(catalog, { readonly: true })
  const { page, size } = sqlite
    .query('SELECT rootpage AS page, page_size AS size FROM sqlite_schema, pragma_page_size WHERE name = ?')
    .get('users') as { page: number; size: number }
  sqlite.close()
  const bytes = readFileSync(catalog)
  bytes.fill(0x5a, (page - 1) * size, page * size)
  writeFileSync(catalog, bytes)
  await refused(['--port', '0', '--data-dir', dataDir], /^callgate: catalog\.db in .* is damaged, or not Callgate's/)
  expect(readFileSync(catalog).equals(bytes)).toBe(true)
})

test('a migration copies the catalog aside first, and one that fails leaves everything as it was', () => {
  const file = join(temporaryFolder(), 'catalog.db')
  const sqlite = new Database(file, { create: true })
  const first = { number: 1, sql: 'CREATE TABLE a (x)' }
  const second = { number: 2, sql: 'ALTER TABLE a ADD COLUMN y--> statement-breakpoint\nUPDATE a SET y = x * 2' }
  expect(migrate(sqlite, file, [first])).toEqual([1])
  expect(readdirSync(join(file, '..'))).toEqual(['catalog.db'])
  sqlite.run('INSERT INTO a VALUES (21)')

  const broken = { number: 2, sql: 'ALTER TABLE a ADD COLUMN z--> statement-breakpoint\nnonsense' }
  expect(() => migrate(sqlite, file, [first, broken])).toThrow()
  expect(sqlite.query('SELECT * FROM a').all()).toEqual([{ x: 21 }])
  expect(sqlite.query('PRAGMA user_version').get()).toEqual({ user_version: 1 })

  expect(migrate(sqlite, file, [first, second])).toEqual([2])
  expect(migrate(sqlite, file, [first, second])).toEqual([])
  expect(sqlite.query('SELECT * FROM a').all()).toEqual([{ x: 21, y: 42 }])
  sqlite.close()
  const backup = new Database(`${file}.before-2`, { readonly: true })
  expect(backup.query('SELECT * FROM a').all()).toEqual([{ x: 21 }])
  backup.close()
})

test('an administrator token or password that cannot be one, without repeating it', async () => {
  const dataDir = join(folder, 'admin')
  const token = 'hf_0123456789abcdefghijklmnopqrstuvwxyz'
  await refused(
    ['--port', '0', '--data-dir', dataDir],
    /^callgate: CALLGATE_ADMIN_TOKEN is not a token; "callgate secret hf" prints one/,
    {
      env: { CALLGATE_ADMIN_TOKEN: token },
    },
  )
  await refused(
    ['--port', '0', '--data-dir', dataDir],
    /^callgate: CALLGATE_ADMIN_PASSWORD must have at least 10 characters\.$/,
    {
      env: { CALLGATE_ADMIN_PASSWORD: 'short' },
    },
  )
})

test('a certificate that is missing or none', async () => {
  writeFileSync(join(folder, 'none.pem'), 'none')
  const dataDir = join(folder, 'tls')
  for (const file of ['none.pem', 'missing.pem'])
    await refused(
      ['--port', '0', '--data-dir', dataDir, '--tls-cert', file, '--tls-key', file],
      /^callgate: HTTPS cannot start with --tls-cert and --tls-key: /,
    )
})

test.skipIf(!Bun.which('openssl'))(
  'a key that is not the one of its certificate, or is encrypted, or in another form',
  async () => {
    const openssl = (...args: string[]) =>
      expect(Bun.spawnSync(['openssl', ...args], { cwd: folder }).success).toBe(true)
    for (const name of ['one', 'two'])
      openssl(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.crt`,
        '-subj',
        '/CN=a',
      )
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ec.key')
    openssl('pkcs8', '-topk8', '-in', 'one.key', '-out', 'encrypted.key', '-passout', 'pass:secret')
    openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'one.key', '-out', 'der.key', '-outform', 'der')
    for (const [key, says] of [
      ['two.key', 'the key is not that of the certificate, which must be the first in its file.'],
      ['ec.key', 'the key is not that of the certificate, which must be the first in its file.'],
      ['encrypted.key', 'the key is encrypted. Give one without a passphrase.'],
      ['der.key', 'a certificate and an unencrypted private key are needed, both in PEM (-----BEGIN ...).'],
    ] as const)
      await refused(
        ['--port', '0', '--data-dir', join(folder, 'tls'), '--tls-cert', 'one.crt', '--tls-key', key],
        new RegExp(`: ${RegExp.escape(says)}$`),
      )
  },
)

test('an address that this machine does not have, and a name that is none', async () => {
  for (const host of ['192.0.2.1', 'nowhere.invalid', 'unix:/tmp/callgate'])
    await refused(
      ['--port', '0', '--data-dir', join(folder, 'addresses'), '--host', host],
      new RegExp(
        `^callgate: ${host} is no address of this machine\\. Name one with --host, or 0\\.0\\.0\\.0 for all\\.$`,
      ),
    )
})

test('a manifest or files that are not as they must be: before a data directory is made, or a token that is shown only now', async () => {
  const dataDir = join(folder, 'untouched')
  writeFileSync(
    join(folder, 'half.yaml'),
    'projects: [{ slug: a, services: [{ key: a, keys: [{ name: a, secret_env: UNSET }] }] }]',
  )
  mkdirSync(join(folder, 'folder.parquet'))
  symlinkSync('circle.csv', join(folder, 'circle.csv'))
  for (const [args, says] of [
    [['--manifest', 'none.yaml'], /^callgate: There is no manifest at \/.*none\.yaml\.$/],
    [['--manifest', 'half.yaml'], /^callgate: .*key a: the environment variable UNSET is not set\.$/],
    [[''], /^callgate: The name of a file is empty\.$/],
    [['none.csv'], /^callgate: there is no file none\.csv\.$/],
    [['none.onnx'], /^callgate: there is no file none\.onnx\.$/],
    [['half.yaml/a.csv'], /^callgate: there is no file half\.yaml\/a\.csv\.$/],
    [['circle.csv'], /^callgate: there is no file circle\.csv\.$/],
    [
      ['folder.parquet'],
      /^callgate: folder\.parquet is a folder: declare it in a manifest, as a dataset with engine: duckdb\.$/,
    ],
    [['notes.txt'], /^callgate: notes\.txt is not a file that is served/],
  ] as [string[], RegExp][]) {
    await refused([...args, '--port', '0', '--data-dir', dataDir], says)
    expect(existsSync(dataDir)).toBe(false)
  }
})

test('a signal that comes while a start that failed ends is no failure of its own', async () => {
  writeFileSync(join(folder, 'empty.csv'), '')
  const command = [...commandOf('source'), 'serve', 'empty.csv', '--port', '0', '--data-dir', join(folder, 'failing')]
  const child = Bun.spawn(command, {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '' },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const stdout = new Response(child.stdout).text()
  let stderr = ''
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += text
    if (text.includes('failed after')) child.kill('SIGINT')
  }
  await child.exited
  expect((await stdout) + stderr).not.toMatch(/"level":"error"|^ +at /m)
})

test('files that this user may not read', async () => {
  const place = temporaryFolder()
  chmodSync(place, 0o755)
  const secret = (name: string, text: string) => {
    writeFileSync(join(place, name), text)
    chmodSync(join(place, name), 0)
    return join(place, name)
  }
  const options: RunOptions = process.getuid?.() === 0 ? unprivileged() : {}
  const csv = secret('t.csv', 'id\n1\n')
  const manifest = join(place, 'm.yaml')
  writeFileSync(manifest, 'projects: [{ slug: a, datasets: [{ name: a.t, from: t.csv }] }]')
  chmodSync(manifest, 0o644)
  const said = /^callgate: .*t\.csv cannot be read \(EACCES\)\.$/
  const dataDir = ['--port', '0', '--data-dir', join(place, 'data')]
  await refused([csv, ...dataDir], said, options)
  await refused(['--manifest', manifest, ...dataDir], said, options)
  const ended = await run(['function', 'test', secret('h.ts', '')], { cwd: place, ...options })
  expect([ended.code, ended.stderr]).toEqual([
    1,
    expect.stringMatching(/^callgate: .*h\.ts cannot be read \(EACCES\)\.\n$/),
  ])
  chmodSync(place, 0o777)
  const pem = secret('key.pem', 'x')
  await refused(
    ['--tls-cert', pem, '--tls-key', pem, ...dataDir],
    /^callgate: HTTPS cannot start with --tls-cert and --tls-key: .*key\.pem/,
    options,
  )
})

test('files together with a manifest, and demo with files', async () => {
  await refused(['a.csv', '--manifest', 'm.yaml'], /^callgate: Either --manifest or files, not both/, { code: 2 })
  const { code, stderr } = await run(['demo', 'a.csv'], { cwd: folder })
  expect({ code, lines: lines(stderr) }).toEqual({
    code: 2,
    lines: [expect.stringMatching(/^callgate: callgate demo takes settings only/)],
  })
})
