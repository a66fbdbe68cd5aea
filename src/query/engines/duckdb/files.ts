import { statSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import type { FileFormat } from '../../../catalog/column.ts'
import { Fault, machineTrouble } from '../../../lib/fault.ts'
import { formatOf } from '../../ingest/import.ts'
import { wrong } from '../../ingest/wrong.ts'

/** The files of a dataset that is read in place, as they are now. */
export interface FoundFiles {
  format: FileFormat
  /** absolute, in the order of their names */
  paths: string[]
  /** the folder that all of them are in */
  base: string
  /** whether folders such as `year=2024` stand between the base and the files */
  hive: boolean
  /** equal as long as no file comes, goes or is written */
  version: string
}

const PATTERN = /[*?[\]{}]/
const MAX_FILES = 10_000

/**
 * @param path absolute: a file, a folder (all files in it and below that are data, but those whose name begins with `_` or
 *   `.`), or a pattern such as `/lake/2024-*.parquet`
 * @throws Fault 422 none, too many, files of several kinds, or a name that DuckDB would take for a pattern; 503 the disk fails
 */
export function findFiles(path: string): FoundFiles {
  try {
    return found(path)
  } catch (error) {
    if (error instanceof Fault) throw error
    // a link to itself, a name too long or with a NUL, a folder that may not be read, a file that goes meanwhile
    throw machineTrouble(error) ?? wrong('the path cannot be looked at', {}, error)
  }
}

function found(path: string): FoundFiles {
  const { base, names } = lookedFor(path)
  if (names.length === 0) throw wrong('there is no such file')
  if (names.length > MAX_FILES) throw wrong(`more than ${MAX_FILES} files`)
  const formats = new Set(names.map(formatOf))
  const [format] = formats
  if (!format) throw wrong('no files of a kind that is read here: .csv, .csv.gz, .tsv, .json, .ndjson or .parquet')
  if (formats.size > 1) throw wrong('files of several kinds; name one of them with a pattern such as *.parquet')
  const paths = names.map(name => join(base, name))
  const odd = paths.find(file => PATTERN.test(file))
  if (odd !== undefined)
    throw wrong('the name of a file or folder has one of * ? [ ] { }, which cannot be told from a pattern')
  const hive = names.some(name =>
    dirname(name)
      .split(sep)
      .some(folder => folder.includes('=')),
  )
  return { format, paths, base, hive, version: versionOf(names, paths) }
}

function lookedFor(path: string): { base: string; names: string[] } {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isFile()) return { base: dirname(path), names: [basename(path)] }
  if (stat?.isDirectory()) return { base: path, names: scan(path, '**/*').filter(name => formatOf(name) !== undefined) }
  if (!PATTERN.test(path)) return { base: dirname(path), names: [] }
  const base = baseOf(path)
  if (!statSync(base, { throwIfNoEntry: false })?.isDirectory()) return { base, names: [] }
  return { base, names: scan(base, relative(base, path)) }
}

/** What of a path is no pattern: where its files are looked for. */
export function baseOf(path: string): string {
  if (!PATTERN.test(path)) return path
  const parts = path.split(sep)
  const fixed = parts.slice(
    0,
    parts.findIndex(part => PATTERN.test(part)),
  )
  return fixed.join(sep) || sep
}

/** Files below a folder, but those that are somebody's notes: `_SUCCESS`, `.part-0.crc`, `_delta_log/...`. */
function scan(base: string, pattern: string): string[] {
  const found = [...new Bun.Glob(pattern).scanSync({ cwd: base, onlyFiles: true, followSymlinks: true })]
  return found.filter(name => !/(^|\/)[._]/.test(name)).sort()
}

function versionOf(names: string[], paths: string[]): string {
  const hasher = new Bun.CryptoHasher('sha256')
  for (const [i, path] of paths.entries()) {
    const { size, mtimeNs, ino } = statSync(path, { bigint: true })
    hasher.update(`${names[i]}\0${size}\0${mtimeNs}\0${ino}\n`)
  }
  return hasher.digest('hex')
}
