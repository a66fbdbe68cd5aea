import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { sampleFiles } from '../models/sample.ts'
import type { Dataset } from '../src/catalog/datasets.ts'
import {
  checkServiceConfig,
  type EndpointConfig,
  type LookupEndpoint,
  type SqlEndpoint,
} from '../src/catalog/service-config.ts'
import { readManifest } from '../src/management/manifest/read.ts'
import type { ManifestDataset } from '../src/management/manifest/schema.ts'
import { compileQuery } from '../src/query/compile.ts'
import { formatOf, importFile } from '../src/query/ingest/import.ts'
import { lookupQuery } from '../src/query/lookup.ts'
import { cleanUp, startCallgate, temporaryFolder, waitFor } from './harness.ts'

afterAll(cleanUp)

const MODELS = resolve(import.meta.dir, '../models')
const folder = temporaryFolder()

/** The manifest as `callgate demo` reads it: from the embedded files alone, written to a folder of their own. */
async function unpacked() {
  const dir = join(folder, 'demo')
  for (const [name, embedded] of Object.entries(sampleFiles)) {
    mkdirSync(join(dir, name, '..'), { recursive: true })
    await Bun.write(join(dir, name), await Bun.file(embedded).bytes())
  }
  const { projects, secrets } = readManifest(join(dir, 'demo.yaml'), {})
  return { dir, projects, secrets, project: projects[0]!, service: projects[0]!.services![0]! }
}

/** A dataset of the demo, taken in, with its columns and key as the catalog would have them. */
async function takeIn(given: ManifestDataset) {
  const target = join(folder, `${given.name}.db`)
  const { primary_key: primaryKey, indexes } = given
  const request = {
    source: given.from!,
    format: formatOf(given.from!)!,
    target,
    scratchDir: folder,
    primaryKey,
    indexes,
  }
  const imported = await importFile(request)
  const columns = imported.columns.map(column => ({ ...column, sensitivity: 'low', ...given.columns?.[column.name] }))
  return { name: given.name, engine: 'sqlite', file: target, ...imported, columns } as unknown as Dataset & {
    rowCount: number
  }
}

/** Rows and bytes of a file, as the README's table says them. */
function readmeFigures(path: string): string[] | undefined {
  const lines = readFileSync(join(MODELS, 'README.md'), 'utf8').split('\n')
  const cells = lines.map(line => line.split('|').map(cell => cell.trim()))
  return cells.find(row => row[1] === `\`${path}\``)?.slice(3, 5)
}

test('the embedded files are the manifest and exactly what it names, and nothing else is needed', async () => {
  const { dir, project, projects, secrets } = await unpacked()
  const named = [
    ...(project.datasets ?? []).map(dataset => dataset.from!),
    ...(project.models ?? []).flatMap(model => model.versions.map(version => version.file)),
  ]
  expect(['demo.yaml', ...named.map(path => relative(dir, path))].sort()).toEqual(Object.keys(sampleFiles).sort())
  expect([projects.length, secrets.size]).toEqual([1, 0])
  for (const [name, embedded] of Object.entries(sampleFiles))
    expect(await Bun.file(embedded).bytes()).toEqual(await Bun.file(join(MODELS, name)).bytes())
})

test('the sample stays small, so that the executable does', () => {
  const bytes = Object.values(sampleFiles).map(path => Bun.file(path).size)
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1_500_000)
})

test('the data has the keys, columns and row counts that demo.yaml and README.md say', async () => {
  const { dir, project, service } = await unpacked()
  const datasets = new Map<string, Awaited<ReturnType<typeof takeIn>>>()
  for (const given of project.datasets ?? []) {
    const dataset = await takeIn(given)
    datasets.set(given.name, dataset)
    const figures = [dataset.rowCount, Bun.file(given.from!).size].map(n => n.toLocaleString('en-US'))
    expect(readmeFigures(relative(dir, given.from!))).toEqual(figures)
    const names = dataset.columns.map(column => column.name)
    expect(names).toEqual(expect.arrayContaining(Object.keys(given.columns ?? {})))
  }
  expect([...datasets.values()].map(dataset => dataset.primaryKey)).toEqual([
    ['flight_id'],
    ['carrier'],
    ['faa'],
    ['tailnum'],
  ])

  const config = { endpoints: service.endpoints }
  checkServiceConfig(config)
  const kinds = (config.endpoints as EndpointConfig[]).map(({ id, kind }) => `${id}: ${kind}`)
  expect(kinds).toEqual(['flight: lookup', 'search: sql', 'airport: lookup', 'late: model'])
  const [flight, search, airport] = config.endpoints as [LookupEndpoint, SqlEndpoint, LookupEndpoint]
  for (const query of [lookupQuery(flight), search.query, lookupQuery(airport)])
    expect(compileQuery(query, name => datasets.get(name)).tables.length).toBeGreaterThan(0)
})

test('every model has its card and its script, and its card says its size', () => {
  const models = readdirSync(MODELS, { withFileTypes: true }).filter(
    entry => entry.isDirectory() && entry.name !== 'data',
  )
  expect(models.length).toBeGreaterThan(0)
  for (const { name } of models) {
    expect(readdirSync(join(MODELS, name))).toEqual(expect.arrayContaining(['CARD.md', `${name}.onnx`, 'train.py']))
    const size = Bun.file(join(MODELS, name, `${name}.onnx`)).size
    expect(readFileSync(join(MODELS, name, 'CARD.md'), 'utf8')).toContain(
      ` ${Math.round(size / 1000)} KB, \`${name}.onnx\``,
    )
    expect(readmeFigures(`${name}/`)).toEqual(['', size.toLocaleString('en-US')])
  }
})

test('callgate demo answers every line that it prints, with the rows that are in the sample', async () => {
  const callgate = await startCallgate({ command: 'demo' })
  const output = await waitFor(() => (callgate.output().includes('Stop with') ? callgate.output() : undefined))
  const key = /dk_\w{36}/.exec(output)?.[0]
  const lines = output.split('\n').filter(line => line.trim().startsWith('curl '))
  const paths = lines.map(line => /\/api\/service\/[^' ]+/.exec(line)![0])
  expect(paths.map(path => path.split(/[/?]/)[4])).toEqual(['flight', 'search', 'airport', 'late'])
  const [flight, search, airport] = await Promise.all(paths.slice(0, 3).map(path => callgate.call(path, { key })))

  expect(flight!.json.rows).toEqual([
    expect.objectContaining({
      flight_id: 1,
      carrier: 'UA',
      flight: 1545,
      tailnum: '***4228',
      origin: 'EWR',
      dest: 'IAH',
    }),
  ])
  expect(airport!.json.rows).toEqual([expect.objectContaining({ faa: 'JFK', name: 'John F Kennedy Intl', tz: -5 })])
  const first = {
    flight_id: 13,
    airline: 'United Air Lines Inc.',
    tailnum: '***9129',
    aircraft: '757-224',
    arr_delay: 7,
  }
  expect(search!.json).toMatchObject({ count: 3, has_more: true, rows: [first, { flight_id: 64 }, { flight_id: 70 }] })

  // two origins, and what is optional left out or all given
  const filtered = await callgate.call('/api/service/flights/search?origin=JFK&origin=LGA&carrier=B6&month=7&day=4', {
    key,
  })
  expect(
    new Set(filtered.json.rows.map((row: Record<string, unknown>) => `${row.carrier} ${row.month}/${row.day}`)),
  ).toEqual(new Set(['B6 7/4']))
  expect(new Set(filtered.json.rows.map((row: { origin: string }) => row.origin))).toEqual(new Set(['JFK', 'LGA']))
  const ids = filtered.json.rows.map((row: { flight_id: number }) => row.flight_id)
  expect(ids).toEqual(ids.toSorted((a: number, b: number) => a - b))

  const body = /-d '([^']+)'/.exec(lines[3]!)![1]!
  const late = await callgate.call(paths[3]!, { key, body, headers: { 'content-type': 'application/json' } })
  const expected = JSON.parse(readFileSync(join(import.meta.dir, 'fixtures/models/late_arrival.expected.json'), 'utf8'))
  expect(JSON.parse(body).features).toEqual(expected.rows[0])
  expect(late.json).toMatchObject({ predictions: [expected.labels[0]], count: 1 })
  expect(late.json.probabilities[0]['1']).toBeCloseTo(expected.probabilities[0][1], 6)
  expect(await callgate.stop()).toBe(0)
})
