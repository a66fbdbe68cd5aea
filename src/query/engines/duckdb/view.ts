import type { FilesLocation } from '../../../catalog/datasets.ts'
import { identifier } from '../../../lib/sql.ts'

/** The view that statements read, without and with the place of each row, by which rows are ordered that no key orders. */
export function viewSql(
  name: string,
  { reader, selects }: FilesLocation,
  relation: string,
  columns: string[],
): string[] {
  const list = selects.map((select, i) => `${select} AS ${identifier(columns[i]!)}`).join(', ')
  // a column of the files that is called so hides DuckDB's own
  const hidden = columns.some(name => /^file_(index|row_number)$/i.test(name))
  const place =
    reader.read === 'read_parquet' && !hidden
      ? `file_index AS ${identifier(PLACE[0])}, file_row_number AS ${identifier(PLACE[1])}`
      : `0 AS ${identifier(PLACE[0])}, row_number() OVER () AS ${identifier(PLACE[1])}`
  return [
    `CREATE VIEW ${name} AS SELECT ${list} FROM ${relation}`,
    `CREATE VIEW ${name}r AS SELECT ${list}, ${place} FROM ${relation}`,
  ]
}

/** Names that a column hardly has; one that has them is refused with its view. */
export const PLACE = ['\u0001file', '\u0001row'] as const
