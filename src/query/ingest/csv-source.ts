import type { FileFormat } from '../../catalog/column.ts'
import type { Fault } from '../../lib/fault.ts'
import { MAX_RECORD, readHeader, walkRecords } from './csv-scan.ts'
import { INPUT, literal } from './duck.ts'
import type { Source } from './source.ts'
import { checkNames, wrong } from './wrong.ts'

/**
 * csv, csv.gz and tsv: DuckDB reads every field as text, so that an unquoted empty field is NULL and a quoted one is
 * empty text; what they are is settled from all values afterwards. Rows are placed by the line they start in.
 * @throws Fault 422: no text, or a header that cannot name columns
 */
export async function openCsv(path: string, format: FileFormat): Promise<Source> {
  const gzip = format === 'csv.gz'
  const { delimiter, names } = await readHeader(path, gzip, format === 'tsv' ? '\t' : undefined)
  checkNames(names, { unit: 'line', row: 1 })
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
    `columns = {${names.map((_, i) => `c${i}: 'VARCHAR'`).join(', ')}}`,
  ]

  /** The line in which record n starts, the header being record 0. Only lists of one column have blank records. */
  async function place(row: number): Promise<number> {
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
    try {
      let counts: { line: number; fields: number } | undefined
      const problem = await walkRecords(path, gzip, delimiter, (line, fields, lastIsEmpty) => {
        if (fields === 0 || fields === names.length || (fields === names.length + 1 && lastIsEmpty)) return false
        counts = { line, fields }
        return true
      })
      if (counts) {
        const what = `${count(counts.fields)} where the header has ${names.length}`
        return wrong(what, { unit: 'line', row: counts.line }, error)
      }
      if (problem) return wrong(problem.what, { unit: 'line', row: problem.line }, error)
    } catch (cause) {
      if (gzip && String((cause as NodeJS.ErrnoException).code).startsWith('Z_'))
        return wrong('the file is not a whole gzip file', {}, cause)
      return wrong('the file could not be read', {}, cause)
    }
    return wrong('the file could not be read as csv', {}, error)
  }

  const columns = names.map((name, i) => ({ name, value: `c${i}`, from: 'text' as const }))
  return { relation: `read_csv(${literal(INPUT)}, ${options.join(', ')})`, columns, unit: 'line', place, explain }
}

const count = (fields: number) => `${fields} ${fields === 1 ? 'field' : 'fields'}`
