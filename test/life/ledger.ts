/**
 * What a Callgate acknowledged before it was killed, and what it was asked and had not answered yet: after the next start
 * the first must be there, the second may be there whole or not at all, and nothing else may be there.
 */
import { Database } from 'bun:sqlite'
import { expect } from 'bun:test'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, Callgate } from '../harness.ts'

/** The last value that was acknowledged, and the last one that was asked for. */
export interface Mark {
  acked: number
  tried: number
}

const mark = (): Mark => ({ acked: 0, tried: 0 })

export class Ledger {
  /** secrets of keys that were minted */
  readonly keys: string[] = []
  readonly draft = mark()
  readonly published = mark()
  readonly manifest = mark()
  /** datasets by name: the generation that each row of it carries */
  readonly datasets = new Map<string, Mark>()
  /** acknowledged versions of the model: number -> sha256 */
  readonly versions = new Map<number, string>()
  readonly triedModels = new Set<string>()
}

export const PROJECT = 'kills'
/** How many rows a generation has: another number for each, so that parts of two are noticed. */
const rowsOf = (generation: number) => 3000 + ((generation * 37) % 500)
/** A table whose every row says which generation it belongs to. */
export function csvOf(generation: number): string {
  let text = 'id,generation,filler\n'
  for (let id = 1; id <= rowsOf(generation); id++)
    text += `${id},${generation},some text that makes the row longer ${id}\n`
  return text
}

/** What is seen is what was acknowledged or, whole, what was asked for after it; from now on it is what must be there. */
function settle(mark: Mark, seen: number): void {
  expect([mark.acked, mark.tried]).toContain(seen)
  mark.acked = seen
  mark.tried = seen
}

/** @throws what is lost, half-done or left over */
export async function verify(callgate: Callgate, key: string, ledger: Ledger): Promise<void> {
  const catalog = new Database(join(callgate.dataDir, 'catalog.db'), { readonly: true })
  try {
    expect(catalog.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    expect(catalog.query('PRAGMA foreign_key_check').all()).toEqual([])
    verifyFiles(catalog, callgate.dataDir)
    verifyDatasets(catalog, callgate.dataDir, ledger)
    verifyVersions(catalog, ledger)
  } finally {
    catalog.close()
  }
  await verifyModels(callgate, key, ledger)
  await verifyService(callgate, key, ledger)
  await verifyManifest(callgate, key, ledger)
  for (const secret of ledger.keys.slice(-40))
    expect((await callgate.call('/api/service/kept/row?id=1', { key: secret })).status).toBe(200)
  expect(await countKeys(callgate)).toBeGreaterThanOrEqual(ledger.keys.length)
}

/** Nothing is on disk but what the catalog knows, and all of that is. */
function verifyFiles(catalog: Database, dataDir: string): void {
  const column = (sql: string) =>
    catalog
      .query<Record<string, string>, []>(sql)
      .all()
      .flatMap(row => Object.values(row))
      .sort()
  expect(readdirSync(join(dataDir, 'warehouse')).sort()).toEqual(column('SELECT file FROM datasets'))
  expect(readdirSync(join(dataDir, 'models')).sort()).toEqual(column('SELECT DISTINCT sha256 FROM model_versions'))
  expect(readdirSync(join(dataDir, 'uploads'))).toEqual([])
}

function verifyDatasets(catalog: Database, dataDir: string, ledger: Ledger): void {
  const sql = "SELECT name, file, row_count FROM datasets WHERE name LIKE 'up.%'"
  const stored = catalog.query<{ name: string; file: string; row_count: number }, []>(sql).all()
  for (const [name, { acked }] of ledger.datasets) if (acked) expect(stored.map(d => d.name)).toContain(name)
  for (const { name, file, row_count } of stored) {
    const table = new Database(join(dataDir, 'warehouse', file), { readonly: true })
    expect(table.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    const [rows] = table
      .query<{ n: number; low: number; high: number }, []>(
        'SELECT count(*) n, min(generation) low, max(generation) high FROM data',
      )
      .all()
    table.close()
    settle(ledger.datasets.get(name)!, rows!.low)
    expect(rows).toEqual({ n: rowsOf(rows!.low), low: rows!.low, high: rows!.low })
    expect(row_count).toBe(rows!.n)
  }
}

/** Versions of assets are numbered without gaps, and what is published is one of them. */
function verifyVersions(catalog: Database, ledger: Ledger): void {
  const bad = catalog
    .query(
      `SELECT asset_key FROM assets a WHERE (SELECT count(*) FROM asset_versions v WHERE v.asset_id = a.id)
         <> (SELECT max(version) FROM asset_versions v WHERE v.asset_id = a.id)
       OR status = 'published' AND published_config IS NOT
         (SELECT config FROM asset_versions v WHERE v.asset_id = a.id AND v.version = a.published_version)`,
    )
    .all()
  expect(bad).toEqual([])
  const half =
    'SELECT id FROM models WHERE active_version NOT IN (SELECT version FROM model_versions WHERE model_id = models.id)'
  expect(catalog.query(half).all()).toEqual([])
  if (ledger.versions.size) expect(catalog.query('SELECT count(*) n FROM audit').get()).not.toEqual({ n: 0 })
}

async function verifyModels(callgate: Callgate, key: string, ledger: Ledger): Promise<void> {
  if (ledger.versions.size === 0) return
  const [model] = (await callgate.admin('GET', '/api/models?name=grown')).json.models
  const listed = new Map<number, string>(
    model.versions.map((v: { version: number; sha256: string }) => [v.version, v.sha256]),
  )
  for (const [number, sha256] of ledger.versions) expect(listed.get(number)).toBe(sha256)
  for (const sha256 of listed.values()) {
    expect(ledger.triedModels.has(sha256)).toBe(true)
    const given = readFileSync(join(callgate.dataDir, 'models', sha256, 'model.onnx'))
    expect(createHash('sha256').update(given).digest('hex')).toBe(sha256)
  }
  const features = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }
  expect((await callgate.call('/api/service/kept/iris', { key, body: { features } })).status).toBe(200)
}

/** The drafted and published markers are names of a column: what a call answers with says which version is served. */
async function verifyService(callgate: Callgate, key: string, { draft, published }: Ledger): Promise<void> {
  const asset = await assetOf(callgate, 'marked')
  const drafted = Number(asset.config.endpoints[0].query.columns[0].as.slice(1))
  settle(draft, drafted)
  const answer = await callgate.call('/api/service/marked/row', { key })
  expect(answer.status).toBe(200)
  settle(published, Number(answer.json.columns[0].name.slice(1)))
}

/** A manifest is applied whole: its two tables and its service are of the same generation. */
async function verifyManifest(callgate: Callgate, key: string, { manifest }: Ledger): Promise<void> {
  const generationOf = async (path: string) =>
    (await callgate.call(`/api/service/declared/${path}?id=1`, { key })).json.rows[0].generation
  const [a, b, asset] = [await generationOf('a'), await generationOf('b'), await assetOf(callgate, 'declared')]
  settle(manifest, a)
  expect({ b, title: asset.title }).toEqual({ b: a, title: `generation ${a}` })
}

export async function assetOf(callgate: Callgate, key: string) {
  const { json } = await callgate.admin('GET', '/api/publish/assets')
  return json.find((asset: { asset_key: string }) => asset.asset_key === key)
}

async function countKeys(callgate: Callgate): Promise<number> {
  const { id } = await assetOf(callgate, 'kept')
  const answer: Answer = await callgate.admin('GET', `/api/publish/assets/${id}/api-keys`)
  return answer.json.filter((k: { name: string }) => k.name === 'burst').length
}
