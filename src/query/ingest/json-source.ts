import type { DuckDBConnection } from '@duckdb/node-api'
import type { FileFormat } from '../../catalog/column.ts'
import type { Fault } from '../../lib/fault.ts'
import { identifier, literal } from '../../lib/sql.ts'
import { rowsOf } from './duck.ts'
import { hiveColumns } from './hive.ts'
import { findBadRecord, MAX_OBJECT } from './json-scan.ts'
import { filesSql, HIVE, type Input, type Reader, relationOf, type Source } from './source.ts'
import { checkNames, inFile, wrong } from './wrong.ts'

/**
 * json (an array of objects, or objects one after the other) and ndjson. DuckDB splits the records and gives each field as
 * it is written, so that numbers keep their digits; the columns are all fields of all records, in order of appearance.
 * @throws Fault 422: not JSON, a record that is no object, no records, fields that cannot name columns
 */
export async function openJson(
  connection: DuckDBConnection,
  { names: files, paths, hive }: Input,
  format: FileFormat,
): Promise<Source> {
  const lines = format === 'ndjson'
  const options = `format = '${lines ? 'newline_delimited' : 'auto'}', compression = 'uncompressed', maximum_object_size = ${MAX_OBJECT}`

  async function explain(error: unknown): Promise<Fault> {
    for (const path of paths) {
      const problem = await findBadRecord(path, lines)
      if (problem) return wrong(inFile(problem.what, path, paths), { row: problem.row }, error)
    }
    const message = String((error as Error)?.message)
    const row = /record\/value (\d+)|in line (\d+)/.exec(message)?.slice(1).find(Boolean)
    const what = message.includes('has duplicate key') ? 'a field occurs twice' : 'could not be read as JSON'
    return wrong(what, row === undefined ? {} : { row: Number(row) }, error)
  }

  const names = await fieldNames(connection, `read_json_objects(${filesSql(files)}, ${options})`, explain)
  checkNames(names, {}, 'the file')
  const fields = names.map(name => `${literal(name)}: 'JSON'`).join(', ')
  const how = `${options}, records = true, auto_detect = false, columns = {${fields}}${hive ? `, ${HIVE}` : ''}`
  const reader: Reader = { read: 'read_json', options: how }
  const relation = relationOf(reader, files)
  const columns = names.map(name => ({ name, value: identifier(name), from: 'json' as const }))
  return {
    reader,
    relation,
    columns: hive ? [...columns, ...(await hiveColumns(connection, relation, names))] : columns,
    unit: 'row',
    place: async row => row,
    explain,
  }
}

async function fieldNames(
  connection: DuckDBConnection,
  objects: string,
  explain: (error: unknown) => Promise<Fault>,
): Promise<string[]> {
  // Most records have the same fields, so lists of fields are grouped before they are taken apart.
  const records = `SELECT row_number() OVER () AS n, json_type(json) AS type, json_keys(json) AS keys FROM ${objects}`
  const lists = `SELECT keys, min(n) AS n, min(n) FILTER (WHERE type <> 'OBJECT') AS other FROM (${records}) GROUP BY keys`
  const fields = 'SELECT n, unnest(keys) AS key, generate_subscripts(keys, 1) AS pos FROM lists'
  const found = await rowsOf(
    connection,
    `WITH lists AS MATERIALIZED (${lists})
     SELECT key, min(n) AS first, arg_min(pos, n) AS pos, NULL FROM (${fields}) GROUP BY key
     UNION ALL SELECT NULL, count(*), 0, min(other) FROM lists ORDER BY first, pos`,
  ).catch(async error => {
    throw await explain(error)
  })
  const summary = found.find(row => row[0] === null)
  if (summary?.[3] != null) throw wrong('not an object', { row: Number(summary[3]) })
  const names = found.filter(row => row[0] !== null).map(row => String(row[0]))
  if (names.length === 0) throw wrong('the file has no records, so no columns')
  return names
}
