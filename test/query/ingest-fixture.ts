import { Database } from 'bun:sqlite'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { Fault } from '../../src/lib/fault.ts'
import { formatOf, type ImportRequest, importFile } from '../../src/query/ingest/import.ts'
import type { JobResult } from '../../src/query/ingest/job.ts'

/** A directory of a test file's own, with `take` to import a file that it writes. */
export function workshop() {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'callgate-ingest-')))
  mkdirSync(join(dir, 'in'))
  let made = 0

  async function write(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(dir, 'in', name)
    await Bun.write(path, content)
    return path
  }

  /** A parquet file with the rows of a query, made by DuckDB itself. */
  async function parquet(name: string, query: string, options = ''): Promise<string> {
    const path = join(dir, 'in', name)
    const connection = await (await DuckDBInstance.create(':memory:')).connect()
    await connection.run("SET TimeZone = 'UTC'")
    await connection.run(`COPY (${query}) TO '${path}' (FORMAT parquet${options && `, ${options}`})`)
    connection.closeSync()
    return path
  }

  async function take(source: string, options: Partial<ImportRequest> = {}) {
    const target = join(dir, 'out', `${++made}.db`)
    const scratchDir = join(dir, 'scratch')
    const format = formatOf(source)!
    const result = await importFile({ source, format, target, scratchDir, ...options })
    return { ...result, target, rows: read(target), types: typesOf(result) }
  }

  /** The refusal of a file, having checked that it is one and that nothing was left behind. */
  async function refusal(source: string, options: Partial<ImportRequest> = {}) {
    const error = await take(source, options).then(
      () => new Error('it was taken in'),
      error => error,
    )
    if (!(error instanceof Fault)) throw error
    const left = [...list('out').filter(name => name.startsWith(`${made}.`)), ...list('scratch')]
    return { status: error.status, message: error.message, members: error.members, left }
  }

  const list = (name: string) => {
    try {
      return readdirSync(join(dir, name))
    } catch {
      return []
    }
  }
  return { dir, write, parquet, take, refusal, list, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

/** All rows as SQLite has them, integers as bigint where they need it. */
function read(path: string): Record<string, unknown>[] {
  const db = new Database(path, { readonly: true, safeIntegers: true })
  const rows = db.query<Record<string, unknown>, []>('SELECT * FROM data').all()
  db.close()
  return rows.map(row =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value,
      ]),
    ),
  )
}

/** `name: type`, with `?` for nullable, `!` for wide and a decimal's digits. */
function typesOf(result: JobResult): Record<string, string> {
  return Object.fromEntries(
    result.columns.map(({ name, type, precision, scale, nullable, wide }) => [
      name,
      `${type}${precision === undefined ? '' : `(${precision},${scale})`}${nullable ? '?' : ''}${wide ? '!' : ''}`,
    ]),
  )
}
