/** Data that stays where it is, through the front door: files in place and tables of a database, under keys and policy; from source and as the executable. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate, TARGETS, temporaryFolder, waitFor } from '../harness.ts'
import { noPostgres, type PostgresServer, startPostgres } from '../query/postgres-server.ts'

const skipped = noPostgres()
if (skipped) console.warn(`postgres: skipped, as ${skipped}`)
afterAll(cleanUp)

const CUSTOMERS = `CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text, balance numeric(12, 2), since timestamptz, region text NOT NULL);
  CREATE INDEX ON customers (region);
  INSERT INTO customers VALUES (1, 'Ann Lee', 'ann@example.org', 12.50, '2024-01-01 10:00:00+00', 'eu'), (2, 'Bob Ray', 'bob@example.org', -0.01, NULL, 'us'), (3, 'Cy Fox', NULL, NULL, '2024-02-29 23:59:59.999999+00', 'eu');
  CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, total numeric(12, 2) NOT NULL);
  CREATE TABLE papers (id int PRIMARY KEY, text text NOT NULL);
  INSERT INTO papers SELECT g, repeat('x', 20000) FROM generate_series(1, 300) g;
  INSERT INTO orders SELECT g, 1 + g % 3, g * 1.25 FROM generate_series(1, 3000) g`
const PLANTS = 'id,kind,height\n1,fern,0.5\n2,moss,0.05\n3,fern,0.75\n'
const KEYS = ['all', 'masked', 'scoped'] as const

for (const target of TARGETS)
  describe.skipIf(skipped !== undefined)(`data in place, ${target}:`, () => {
    const folder = temporaryFolder()
    const dataDir = join(folder, 'data')
    const keys = Object.fromEntries(KEYS.map(name => [name, mintSecret('dk')])) as Record<(typeof KEYS)[number], string>
    const plants = join(folder, 'plants.csv')
    const sheets = join(folder, 'sheets.ndjson')
    const lake = join(folder, 'lake')
    const urlFile = join(folder, 'warehouse.url')
    const password = () => new URL(postgres.url).password
    let postgres: PostgresServer
    let server: Callgate
    let project: Record<string, string>

    const sql = (id: string, query: object) => ({ id, kind: 'sql', query })
    const source = (table: string) => ({ source: { schema: 'place', table } })
    const manifest = () => ({
      connections: [{ name: 'warehouse', kind: 'postgres', url_env: 'WAREHOUSE_URL' }],
      projects: [
        {
          slug: 'place',
          datasets: [
            { name: 'place.customers', engine: 'postgres', connection: 'warehouse', table: 'public.customers' },
            { name: 'place.orders', engine: 'postgres', connection: 'warehouse', table: 'public.orders' },
            { name: 'place.papers', engine: 'postgres', connection: 'warehouse', table: 'public.papers' },
            { name: 'place.sheets', engine: 'duckdb', from: sheets, primary_key: 'id' },
            { name: 'place.plants', engine: 'duckdb', from: plants, primary_key: 'id' },
            { name: 'place.lake', engine: 'duckdb', from: `${lake}/**/*.parquet` },
          ],
          services: [
            {
              key: 'place',
              publish: true,
              endpoints: [
                sql('customers', { ...source('customers'), filters: [{ column: 'email', param: 'email' }] }),
                { id: 'customer', kind: 'lookup', dataset: 'place.customers', key_column: 'id' },
                sql('spent', {
                  ...source('orders'),
                  joins: [{ schema: 'place', table: 'customers', as: 'c', on: [{ left: 'customer', right: 'id' }] }],
                  columns: ['c.region', { fn: 'sum', column: 'total', as: 'total' }, { fn: 'count', as: 'n' }],
                  group_by: ['c.region'],
                  order_by: [{ column: 'total', direction: 'desc' }],
                }),
                sql('papers', source('papers')),
                sql('sheets', source('sheets')),
                sql('plants', { ...source('plants'), pagination: { total: true } }),
                sql('lake', { ...source('lake'), columns: ['year', { fn: 'count', as: 'n' }], group_by: ['year'] }),
              ],
              keys: [
                { name: 'all', secret_env: 'KEY_all', masking_level: 'unmasked', sensitivity_max: 'critical' },
                { name: 'masked', secret_env: 'KEY_masked', sensitivity_max: 'high' },
                {
                  name: 'scoped',
                  secret_env: 'KEY_scoped',
                  masking_level: 'unmasked',
                  sensitivity_max: 'critical',
                  row_scope: { region: ['us'] },
                },
              ],
            },
          ],
        },
      ],
    })
    const start = () =>
      startCallgate({
        target,
        dataDir,
        manifest: manifest(),
        env: {
          WAREHOUSE_URL: postgres.url,
          CALLGATE_ADMIN_TOKEN: adminToken,
          ...Object.fromEntries(KEYS.map(name => [`KEY_${name}`, keys[name]])),
        },
      })
    const adminToken = mintSecret('hf')
    const get = (path: string, key: (typeof KEYS)[number] = 'all') =>
      server.call(`/api/service/place/${path}`, { key: keys[key] })

    beforeAll(async () => {
      postgres = await startPostgres()
      await postgres.sql.unsafe(CUSTOMERS)
      writeFileSync(plants, PLANTS)
      writeFileSync(
        sheets,
        Array.from({ length: 300 }, (_, i) => JSON.stringify({ id: i + 1, text: 'x'.repeat(20_000) })).join('\n'),
      )
      writeFileSync(urlFile, `${postgres.url}\n`)
      for (const year of [2023, 2024])
        await parquet(join(lake, `year=${year}`, 'part.parquet'), `SELECT i AS id FROM range(${year - 2000}) t(i)`)
      server = await start()
      const { json } = await server.admin('GET', '/api/projects')
      project = { 'x-project-id': String(json.items.find((p: { slug: string }) => p.slug === 'place').project_id) }
    }, 180_000)
    afterAll(async () => {
      await server?.stop()
      await postgres?.stop()
    })

    test('each is answered, typed as it is where it is', async () => {
      expect((await get('customer?id=1')).json).toMatchObject({
        columns: [
          { name: 'id', type: 'integer' },
          { name: 'name', type: 'text' },
          { name: 'email', type: 'text' },
          { name: 'balance', type: 'decimal' },
          { name: 'since', type: 'timestamptz' },
          { name: 'region', type: 'text' },
        ],
        rows: [
          {
            id: 1,
            name: 'Ann Lee',
            email: 'ann@example.org',
            balance: '12.50',
            since: '2024-01-01T10:00:00Z',
            region: 'eu',
          },
        ],
      })
      expect((await get('spent')).json.rows).toEqual([
        { 'c.region': 'eu', total: '3752500.00', n: 2000 },
        { 'c.region': 'us', total: '1874375.00', n: 1000 },
      ])
      expect((await get('plants?limit=1')).json).toMatchObject({
        rows: [{ id: 1, kind: 'fern', height: 0.5 }],
        total: 3,
      })
      expect((await get('lake')).json.rows).toEqual([
        { year: 2023, n: 23 },
        { year: 2024, n: 24 },
      ])
      expect((await get('customer?id=no')).status).toBe(422)
      expect((await get('customers?nothing=1')).status).toBe(400)
    })

    test.each(['papers', 'sheets'])(
      'a page of wide rows is streamed as soon as it is large, a small one has its tag: %s',
      async endpoint => {
        const page = async (limit: number) => {
          const answer = await get(`${endpoint}?limit=${limit}`)
          return [answer.json.count, answer.headers.get('etag') === null]
        }
        for (const limit of [300, 10, 300, 2, 300]) expect(await page(limit)).toEqual([limit, limit === 300])
      },
    )

    test('policy holds as for imported data: tiers are proposed, masked, scoped, and not filtered on', async () => {
      const { json } = await server.admin('GET', '/api/datasets/place.customers')
      const { columns, ...dataset } = json
      expect(dataset).toMatchObject({
        engine: 'postgres',
        connection: 'warehouse',
        table: 'public.customers',
        primary_key: ['id'],
        indexes: [['region']],
      })
      expect(columns.find((c: { name: string }) => c.name === 'email')).toMatchObject({
        sensitivity: 'high',
        mask: 'email',
      })
      expect((await get('customer?id=1', 'masked')).json.rows[0]).toMatchObject({ email: 'a***@example.org' })
      expect((await get('customers?email=ann%40example.org', 'masked')).status).toBe(403)
      expect((await get('customers', 'scoped')).json.rows.map((row: { id: number }) => row.id)).toEqual([2])
      expect((await get('customer?id=1', 'scoped')).json.rows).toEqual([])
      expect((await get('plants', 'scoped')).status).toBe(403)
    })

    test('rows that are looked at are read no longer when their caller has gone', async () => {
      const locker = await postgres.sql.reserve()
      const waiting = async () =>
        (
          await postgres.sql`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'callgate'`
        ).length
      try {
        await locker`BEGIN`
        await locker.unsafe('LOCK TABLE customers IN ACCESS EXCLUSIVE MODE')
        for (const view of ['preview', 'profile']) {
          const leaving = new AbortController()
          const left = fetch(`${server.url}/api/datasets/place.customers/${view}`, {
            headers: { authorization: `Bearer ${server.adminToken}` },
            signal: leaving.signal,
          }).catch(() => {})
          await waitFor(async () => (await waiting()) || undefined)
          leaving.abort()
          await left
          // the deadline of a call would end it too, later than this
          await waitFor(async () => (await waiting()) === 0 || undefined, 15_000)
        }
      } finally {
        await locker`ROLLBACK`
        locker.release()
      }
    })

    test('rows, profile and refresh of the management API', async () => {
      expect((await server.admin('GET', '/api/datasets/place.plants/explore?page=2&page_size=2')).json).toMatchObject({
        rows: [{ id: 3 }],
        total: 3,
      })
      expect((await server.admin('GET', '/api/datasets/place.customers/preview')).json.rows).toHaveLength(3)
      const profile = (await server.admin('GET', '/api/datasets/place.customers/profile')).json.columns
      expect(profile.find((c: { name: string }) => c.name === 'balance')).toMatchObject({
        nulls: 1,
        distinct: 2,
        min: '-0.01',
        max: '12.50',
      })
      expect((await server.admin('POST', '/api/datasets/place.customers/refresh')).json).toMatchObject({
        refreshed: false,
        generation: 1,
      })
      await postgres.sql.unsafe('ALTER TABLE customers ADD vip boolean')
      expect((await server.admin('POST', '/api/datasets/place.customers/refresh')).json).toMatchObject({
        refreshed: true,
        generation: 2,
      })
      expect((await get('customer?id=1')).json.columns.at(-1)).toEqual({ name: 'vip', type: 'boolean' })
      appendFileSync(plants, '4,ivy,2\n')
      expect((await get('plants')).json.total).toBe(4)
      expect((await server.admin('POST', '/api/datasets/place.plants/refresh')).json).toMatchObject({
        refreshed: true,
        row_count: 4,
      })
      expect((await server.admin('POST', '/api/datasets/place.plants/refresh')).json).toMatchObject({
        refreshed: false,
      })
    })

    test('files that went are 503, a changed column too, and each is answered again when it is back', async () => {
      renameSync(plants, `${plants}.away`)
      expect(await get('plants')).toMatchObject({ status: 503, json: { code: 'data_missing' } })
      renameSync(`${plants}.away`, plants)
      writeFileSync(plants, PLANTS.replaceAll('0.05', 'small'))
      const changed = await get('plants')
      expect(changed).toMatchObject({ status: 503, json: { code: 'data_changed' } })
      expect(changed.headers.get('retry-after')).toBe('1')
      expect(changed.text).not.toContain(folder)
      expect((await server.admin('POST', '/api/datasets/place.plants/refresh')).json.refreshed).toBe(true)
      expect((await get('plants')).json.columns.at(-1)).toEqual({ name: 'height', type: 'text' })
      writeFileSync(plants, PLANTS)
      expect((await server.admin('POST', '/api/datasets/place.plants/refresh')).json.refreshed).toBe(true)
    })

    test('a connection is added when it works, tested, and removed when nothing needs it; its secret is nowhere', async () => {
      const add = (body: object) => server.admin('POST', '/api/connections', body)
      const added = await add({ name: 'again', url_file: urlFile })
      expect(added).toMatchObject({
        status: 201,
        json: { name: 'again', kind: 'postgres', url_env: null, url_file: urlFile, database: 'postgres' },
      })
      expect(added.headers.get('location')).toBe('/api/connections/again')
      expect((await add({ name: 'again', url_file: urlFile })).status).toBe(409)
      expect(
        (await server.admin('GET', '/api/connections')).json.connections.map((c: { name: string }) => c.name),
      ).toEqual(['again', 'warehouse'])
      expect((await server.admin('GET', '/api/connections/again')).json).toMatchObject({ url_file: urlFile })
      expect((await server.admin('POST', '/api/connections/again/test')).json).toMatchObject({
        ok: true,
        server: expect.stringContaining('PostgreSQL'),
      })
      writeFileSync(urlFile, postgres.url.replace(password(), 'wrong-password'))
      const failing = await server.admin('POST', '/api/connections/again/test')
      expect(failing.json).toEqual({
        ok: false,
        error: `connection again: the server at 127.0.0.1:${postgres.port} refuses the user or the password.`,
      })
      for (const [body, says] of [
        [{ name: 'x', url_file: urlFile }, 'refuses the user or the password'],
        [{ name: 'x', url_env: 'NOT_SET_ANYWHERE' }, 'the environment variable NOT_SET_ANYWHERE is not set'],
        [{ name: 'x', url_file: join(folder, 'none') }, 'the file that url_file names cannot be read'],
        [{ name: 'x' }, 'name either url_env or url_file'],
        [{ name: 'x', url_env: 'A', url_file: 'b' }, 'name either url_env or url_file'],
        [{ name: 'x', url_env: postgres.url }, 'url_env is the name of an environment variable, not a URL'],
        [{ name: 'x y', url_env: 'A' }, 'A connection name is'],
        [{ name: 'x', kind: 'mysql', url_env: 'A' }, 'must be postgres'],
        [{ name: 'x', url_file: 'relative' }, 'url_file must be an absolute path'],
      ] as const) {
        const refused = await add(body)
        expect([says, refused.status, refused.text]).toEqual([says, 422, expect.stringContaining(says)])
        expect(refused.text).not.toMatch(/wrong-password|only-for-tests/)
      }
      expect((await server.admin('DELETE', '/api/connections/warehouse')).json).toMatchObject({
        status: 409,
        code: 'still_needed',
      })
      expect((await server.admin('DELETE', '/api/connections/again')).json).toEqual({ deleted: true })
      expect((await server.admin('GET', '/api/connections/again')).status).toBe(404)
      writeFileSync(urlFile, `${postgres.url}\n`)
      for (const name of ['catalog.db', 'catalog.db-wal']) {
        const bytes = readFileSync(join(dataDir, name), 'latin1')
        expect(bytes.includes(password())).toBe(false)
      }
      expect(server.output()).not.toContain(password())
    })

    test('datasets are added over the API, by administrators alone', async () => {
      const add = (body: object, headers: Record<string, string> = project) =>
        server.admin('POST', '/api/datasets', body, headers)
      const table = {
        name: 'place.more',
        engine: 'postgres',
        connection: 'warehouse',
        table: 'public.orders',
        columns: { total: { sensitivity: 'high', mask: 'redact' } },
      }
      expect(await add(table)).toMatchObject({
        status: 201,
        json: { engine: 'postgres', primary_key: ['id'], row_count: expect.any(Number) },
      })
      expect((await add(table)).status).toBe(409)
      expect((await add({ ...table, replace: true, primary_key: ['customer', 'id'] })).json).toMatchObject({
        generation: 2,
        primary_key: ['customer', 'id'],
      })
      expect(await add({ name: 'place.files', engine: 'duckdb', from: plants, types: { id: 'text' } })).toMatchObject({
        status: 201,
        json: { engine: 'duckdb', source: 'plants.csv', row_count: 3 },
      })
      for (const [body, says] of [
        [{ name: 'place.x', engine: 'duckdb' }, 'from is missing'],
        [
          { ...table, name: 'place.x', columns: { total: { nullable: true } } },
          'nullable goes with a dataset that is writable',
        ],
        [{ name: 'place.x', engine: 'duckdb', from: 'plants.csv' }, 'from must be an absolute path on the server'],
        [{ name: 'place.x', engine: 'duckdb', from: '/etc/passwd' }, 'no files of a kind that is read here'],
        [{ name: 'place.x', engine: 'duckdb', from: `${lake}/none*.parquet` }, 'there is no such file'],
        [
          { name: 'place.x', engine: 'duckdb', from: plants, connection: 'warehouse' },
          'connection goes with engine postgres',
        ],
        [
          { name: 'place.x', engine: 'postgres', connection: 'nowhere', table: 'a.b' },
          'There is no connection nowhere',
        ],
        [
          { name: 'place.x', engine: 'postgres', connection: 'warehouse', table: 'orders' },
          'table must be schema.table',
        ],
        [
          { name: 'place.x', engine: 'postgres', connection: 'warehouse', table: 'public.no"; DROP TABLE orders; --' },
          'The database has no table',
        ],
        [
          { name: 'place.x', engine: 'postgres', connection: 'warehouse', table: 'public.orders', from: plants },
          'from goes with engine sqlite or duckdb',
        ],
        [{ name: 'place.x', engine: 'sqlite', from: plants }, 'must be duckdb or postgres'],
        [{ name: 'x', engine: 'duckdb', from: plants }, 'schema.table'],
      ] as const) {
        const refused = await add(body)
        expect([says, refused.status, refused.text]).toEqual([says, 422, expect.stringContaining(says)])
      }
      expect((await add(table, {})).status).toBe(422)
      await server.admin('POST', '/api/users', {
        username: 'eve',
        password: 'correct horse battery',
        roles: { place: 'admin' },
      })
      const login = await server.call('/api/auth/login', {
        body: { username: 'eve', password: 'correct horse battery' },
      })
      const eve = { authorization: `Bearer ${login.json.access_token}`, ...project }
      for (const [method, path, body] of [
        ['POST', '/api/datasets', { ...table, name: 'place.eve' }],
        ['GET', '/api/connections', undefined],
        ['GET', '/api/connections/warehouse', undefined],
        ['POST', '/api/connections', { name: 'eve', url_env: 'WAREHOUSE_URL' }],
        ['POST', '/api/connections/warehouse/test', undefined],
        ['DELETE', '/api/connections/warehouse', undefined],
      ] as const)
        expect([method, path, (await server.call(path, { method, body, headers: eve })).status]).toEqual([
          method,
          path,
          403,
        ])
      for (const name of ['place.more', 'place.files'])
        expect((await server.admin('DELETE', `/api/datasets/${name}`)).json).toEqual({ deleted: true })
      expect(readFileSync(plants, 'utf8')).toBe(PLANTS)
    })

    test('a query over two engines is refused when it is published', async () => {
      const join = { schema: 'place', table: 'plants', on: [{ left: 'id', right: 'id' }] }
      const body = {
        asset_type: 'api_service',
        asset_key: 'mixed',
        title: 'x',
        config: { endpoints: [sql('x', { ...source('customers'), joins: [join] })] },
      }
      const asset = await server.admin('POST', '/api/publish/assets', body, project)
      const refused = await server.admin('POST', `/api/publish/assets/${asset.json.id}/publish`)
      expect(refused.status).toBe(422)
      expect(refused.json.detail).toContain(
        'place.customers is read by postgres and place.plants by duckdb; a query is of one engine.',
      )
    })

    test('a database that is down is 503 with Retry-After, keeps nothing else from being served, nor the server from starting, and comes back alone', async () => {
      await postgres.kill()
      const lost = await get('customer?id=1')
      expect(lost).toMatchObject({
        status: 503,
        json: { code: 'connection_lost', detail: 'The database behind the connection warehouse cannot be reached.' },
      })
      expect(lost.headers.get('retry-after')).toBe('5')
      expect(lost.text).not.toMatch(/only-for-tests|127\.0\.0\.1/)
      expect((await get('plants')).status).toBe(200)
      await server.stop()
      server = await start()
      expect((await get('plants')).status).toBe(200)
      expect((await get('spent')).status).toBe(503)
      await postgres.start()
      await waitFor(async () => ((await get('spent')).status === 200 ? true : undefined))
      expect(server.output()).not.toContain('declared')
    })
  })
if (skipped) test.skip(`data in place (${skipped})`, () => {})

async function parquet(path: string, query: string): Promise<void> {
  mkdirSync(join(path, '..'), { recursive: true })
  const connection = await (await DuckDBInstance.create()).connect()
  await connection.run(`COPY (${query}) TO '${path}' (FORMAT parquet)`)
  connection.closeSync()
}
