import type { DuckDBConnection } from '@duckdb/node-api'
import type { FileFormat } from '../../catalog/column.ts'
import type { Fault } from '../../lib/fault.ts'
import { literal } from '../../lib/sql.ts'
import { isZlib, losesRecords, MAX_RECORD, readHeader, walkRecords } from './csv-scan.ts'
import { hiveColumns } from './hive.ts'
import { HIVE, type Input, type Reader, relationOf, type Source } from './source.ts'
import { checkNames, inFile, wrong } from './wrong.ts'

/**
 * csv, csv.gz and tsv: DuckDB reads every field as text, so that an unquoted empty field is NULL and a quoted one is
 * empty text; what they are is settled from all values afterwards. Rows are placed by the line they start in, or of
 * several files, which must have the same header, by their number.
 * @throws Fault 422: no text, or a header that cannot name columns
 */
export async function openCsv(
  connection: DuckDBConnection,
  { names: files, paths, hive }: Input,
  format: FileFormat,
): Promise<Source> {
  const gzip = format === 'csv.gz'
  const [path, ...others] = paths as [string, ...string[]]
  const { delimiter, names, ending } = await readHeader(path, gzip, format === 'tsv' ? '\t' : undefined)
  if (names.length > 1 && names[0]!.trim() === '') throw wrong(UNNAMED_FIRST, { unit: 'line', row: 1 })
  checkNames(names, { unit: 'line', row: 1 })
  // DuckDB takes a line break within a name for the one that lines end with, and reads no rows at all
  const broken = names.some(name => /[\r\n]/.test(name))
  for (const other of others) {
    const header = await readHeader(other, gzip, delimiter)
    if (JSON.stringify(header.names) !== JSON.stringify(names))
      throw wrong(inFile('the header is another one than in the first file', other, paths), { unit: 'line', row: 1 })
    if (broken && header.ending !== ending)
      throw wrong(inFile('the lines end differently (LF or CRLF) from those of the first file', other, paths))
  }
  // a folder that is called so (c0=x) would stand for the field
  let prefix = 'c'
  while (hive && paths.some(path => new RegExp(`/${prefix}\\d+=`, 'i').test(path))) prefix += '_'
  const fields = names.map((_, i) => `${prefix}${i}`)
  const options = [
    'auto_detect = false',
    'header = true',
    `delim = ${literal(delimiter)}`,
    `quote = '"'`,
    `escape = '"'`,
    `nullstr = ''`,
    'allow_quoted_nulls = false',
    `compression = '${gzip ? 'gzip' : 'none'}'`,
    `max_line_size = ${MAX_RECORD}`,
    ...(broken && ending ? [`new_line = '${ending.replace('\r', '\\r').replace('\n', '\\n')}'`] : []),
    `columns = {${fields.map(field => `${field}: 'VARCHAR'`).join(', ')}}`,
    ...(hive ? [HIVE] : []),
  ]
  const reader: Reader = { read: 'read_csv', options: options.join(', ') }
  const relation = relationOf(reader, files)

  /** The line in which record n starts, the header being record 0. Only lists of one column have blank records. */
  async function place(row: number): Promise<number> {
    if (others.length > 0) return row
    let record = -1
    let found = 1
    await walkRecords(path, gzip, delimiter, (line, fields) => {
      if (fields === 0 && names.length > 1) return false
      found = line
      return ++record === row
    })
    return found
  }

  async function explain(error: unknown): Promise<Fault> {
    for (const path of paths)
      try {
        let counts: { line: number; fields: number } | undefined
        const problem = await walkRecords(path, gzip, delimiter, (line, fields, lastIsEmpty) => {
          if (fields === 0 || fields === names.length || (fields === names.length + 1 && lastIsEmpty)) return false
          counts = { line, fields }
          return true
        })
        if (counts) {
          const what = `${count(counts.fields)} where the header has ${names.length}`
          return wrong(inFile(what, path, paths), { unit: 'line', row: counts.line }, error)
        }
        if (problem) return wrong(inFile(problem.what, path, paths), { unit: 'line', row: problem.line }, error)
      } catch (cause) {
        if (isZlib(cause)) return wrong(inFile('the file is not a whole gzip file', path, paths), {}, cause)
        return wrong(inFile('the file could not be read', path, paths), {}, cause)
      }
    return wrong('the file could not be read as csv', {}, error)
  }

  for (const path of paths) if (await losesRecords(path, gzip)) throw await explain(undefined)
  const columns = names.map((name, i) => ({ name, value: fields[i]!, from: 'text' as const }))
  const folders = hive ? await hiveColumns(connection, relation, fields) : []
  checkNames([...names, ...folders.map(({ name }) => name)], {}, 'the files')
  const unit = others.length > 0 ? 'row' : 'line'
  return { reader, relation, columns: [...columns, ...folders], unit, place, explain }
}

/** What data frames put there when they are told nothing. */
const UNNAMED_FIRST =
  'column 1 of the header has no name; where it numbers the rows, write the file without it (pandas: index=False, R: row.names=FALSE)'

const count = (fields: number) => `${fields} ${fields === 1 ? 'field' : 'fields'}`
