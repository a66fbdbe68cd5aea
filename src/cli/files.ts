import { existsSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { type Dataset, findDataset } from '../catalog/datasets.ts'
import { adminGrant } from '../catalog/grant.ts'
import { activeVersion, findModel, versionsOf } from '../catalog/models.ts'
import { RESERVED_ENDPOINTS } from '../catalog/names.ts'
import { findProject } from '../catalog/projects.ts'
import { paramsOf } from '../endpoints/params.ts'
import { deadlineIn } from '../lib/deadline.ts'
import { checkFile, completeManifest } from '../management/manifest/read.ts'
import { RESERVED } from '../query/compile.ts'
import { formatOf } from '../query/ingest/import.ts'
import { comparable } from '../query/values.ts'
import { compileCodec } from '../scoring/codec.ts'
import type { Feature } from '../scoring/features.ts'
import { volume } from '../scoring/tensors.ts'
import { curl, printCalls } from './calls.ts'
import { CommandError } from './command-error.ts'
import type { Instance } from './instance.ts'
import { print } from './print.ts'
import { apply } from './run.ts'

const PROJECT = 'files'
const SERVICE = 'files'

/** A file that is served under its name. */
interface Named {
  path: string
  name: string
  kind: 'table' | 'model'
}

/**
 * `callgate serve FILE...`: every file becomes endpoints of one service under its own name: a table a sql endpoint (each
 * column an optional filter) and a lookup on its first unique column without nulls, a model a model endpoint. One key is
 * minted, and what to call is printed. A model file that changed since the last start is the model's next version.
 */
export async function publishFiles(instance: Instance, files: Named[]): Promise<void> {
  const tables = files.filter(f => f.kind === 'table')
  const models = files.filter(f => f.kind === 'model')
  const base = {
    slug: PROJECT,
    name: 'Files',
    datasets: tables.map(f => ({ name: `files.${f.name}`, from: f.path, choose_key: true })),
    models: await Promise.all(models.map(file => modelOf(instance, file))),
  }
  const { changes, proposals } = await apply(instance, completeManifest({ projects: [base] }, '/'))
  for (const line of proposals) print(`  ${line}`)
  for (const { name, versions, active } of base.models)
    if (versions[0]!.version > 1 && changes.some(change => change.startsWith(`model ${name}: version `)))
      print(`  ${name}: the file has changed; it is version ${active} of the model, and active.`)
  const { db } = instance.context
  const projectId = findProject(db, PROJECT)!.id
  const datasets = new Map(tables.map(f => [f.name, findDataset(db, projectId, `files.${f.name}`)!]))
  const endpoints = [
    ...[...datasets].flatMap(([name, dataset]) => tableEndpoints(name, dataset)),
    ...models.map(f => ({ id: f.name, kind: 'model', model: f.name })),
  ]
  const service = { key: SERVICE, title: 'Files', publish: true, endpoints, keys: [{ name: 'files' }] }
  const { minted } = await apply(
    instance,
    completeManifest({ projects: [{ slug: PROJECT, services: [service] }] }, '/'),
  )
  const key = minted[0]?.secret

  const calls: string[] = []
  for (const [name, dataset] of datasets) {
    calls.push(curl(instance, key, `${SERVICE}/${name}?limit=5`))
    const [column] = dataset.primaryKey ?? []
    if (column) {
      const lookup = encodeURIComponent(lookupOf(name, column))
      calls.push(curl(instance, key, `${SERVICE}/${lookup}?${await firstKey(instance, name, column)}`))
    } else print(`  ${name}: no column is unique and without nulls, so there is no lookup for it.`)
  }
  for (const { name } of models) {
    const version = activeVersion(db, findModel(db, projectId, name)!)!
    const { features } = compileCodec(version.metadata, version.features ?? undefined)
    if (elementsOf(features) <= MOST_ELEMENTS) {
      calls.push(curl(instance, key, `${SERVICE}/${name}`, { features: exampleRow(features) }))
      continue
    }
    print(
      `  ${name}: an example of its rows would be too long to be pasted; below is the line that asks what it takes.`,
    )
    calls.push(curl(instance, key, `/v2/models/${name}`))
  }
  printCalls(key, calls)
}

/** The version that this file is: a known one when its bytes are that one's, else the next. */
async function modelOf({ context: { db, publisher } }: Instance, { name, path }: Named) {
  const project = findProject(db, PROJECT)
  const model = project && findModel(db, project.id, name)
  const sha256 = existsSync(path) ? await publisher.registry.runtime.queries.looks.sha256(path) : undefined
  const same = model && versionsOf(db, model.id).find(v => v.sha256 === sha256 && v.features === null)
  const version = same?.version ?? Math.max(0, ...Object.keys(model?.usedVersions ?? {}).map(Number)) + 1
  return { name, versions: [{ version, file: path }], active: version }
}

/** A lookup's id: a column may be called as no endpoint can be. */
const lookupOf = (name: string, column: string) =>
  `${name}_by_${column}`
    .replace(/\p{Cc}/gu, '_')
    .slice(0, 128)
    .toWellFormed()

/** A lookup's parameter: the column's own name, unless that means something else in a query string. */
const paramOf = (column: string) => (RESERVED.has(column) ? `${column}_` : column)

/** What files are served as. @throws CommandError one of no known kind, two of one name. @throws Fault one that is not there */
export function nameFiles(paths: string[]): Named[] {
  const named = paths.map((given): Named => {
    if (given === '') throw new CommandError('The name of a file is empty.')
    const path = resolve(given)
    const file = basename(path)
    if (existsSync(path) && statSync(path).isDirectory())
      throw new CommandError(`${given} is a folder: declare it in a manifest, as a dataset with engine: duckdb.`)
    const model = file.toLowerCase().endsWith('.onnx')
    if (!model && !formatOf(file))
      throw new CommandError(
        `${given} is not a file that is served: .csv, .csv.gz, .tsv, .json, .ndjson, .parquet or .onnx.`,
      )
    checkFile(path, given)
    const kind = model ? 'model' : 'table'
    return { path, name: nameOf(file, kind), kind }
  })
  const twice = named.find((f, i) => named.findIndex(other => other.name === f.name) < i)
  if (twice) throw new CommandError(`Two files would be called ${twice.name}; rename one, or use a manifest.`)
  return named
}

/** What a table or a model may be called, and an endpoint too. */
function nameOf(file: string, kind: Named['kind']): string {
  const stem = file.replace(/\.(csv\.gz|[^.]+)$/i, '').replace(/[^A-Za-z0-9_-]/g, '_')
  const table = /^[A-Za-z_]/.test(stem) ? stem : `_${stem}`
  const name = kind === 'table' ? table : stem.replace(/^[_-]+/, '') || 'model'
  return RESERVED_ENDPOINTS.has(name) ? `${name}_` : name.slice(0, 60)
}

function tableEndpoints(name: string, dataset: Dataset): Record<string, unknown>[] {
  const [schema, table] = dataset.name.split('.') as [string, string]
  const filters = dataset.columns
    .filter(c => comparable(c) && !RESERVED.has(c.name))
    .slice(0, 64)
    .map(c => ({ column: c.name, op: 'eq', param: c.name }))
  const sql = { id: name, kind: 'sql', query: { source: { schema, table }, filters } }
  const [column] = dataset.primaryKey ?? []
  if (!column) return [sql]
  const lookup = {
    id: lookupOf(name, column),
    kind: 'lookup',
    dataset: dataset.name,
    key_column: column,
    key_param: paramOf(column),
  }
  return [sql, lookup]
}

/** A key that is there, so that the printed line answers with a row. */
async function firstKey(instance: Instance, name: string, column: string): Promise<string> {
  const service = instance.context.publisher.registry.get(SERVICE)!
  const call = { params: paramsOf({ limit: 1 }), deadline: deadlineIn(10_000) }
  const reply = await service.endpoints.get(name)!.run(call, adminGrant(service.projectId))
  const value = typeof reply === 'object' && 'rows' in reply ? reply.rows[0]?.[column] : undefined
  return new URLSearchParams({ [paramOf(column)]: String(value ?? '') }).toString()
}

/** Values of an example: a picture would fill the screen, and no shell takes so long an argument. */
const MOST_ELEMENTS = 4096
const elementsOf = (features: readonly Feature[]) =>
  features.reduce((sum, { shape }) => sum + volume(shape.map(dim => dim ?? 1)), 0)

/** A row of the right shape; its values mean nothing. */
function exampleRow(features: readonly Feature[]): Record<string, unknown> {
  const fill = (shape: readonly (number | null)[], scalar: unknown): unknown =>
    shape.length === 0 ? scalar : Array.from({ length: shape[0] ?? 1 }, () => fill(shape.slice(1), scalar))
  return Object.fromEntries(
    features.map(f => [f.name, fill(f.shape, f.type === 'string' ? 'a' : f.type === 'bool' ? false : 1)]),
  )
}
