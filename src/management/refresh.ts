import type { StoredColumn } from '../catalog/column.ts'
import { type Dataset, findDataset, type Generation, getDataset, putGeneration } from '../catalog/datasets.ts'
import { type RefreshState, setRefreshState } from '../catalog/refresh.ts'
import { type Actor, now } from '../catalog/store.ts'
import { inProject } from '../endpoints/publisher.ts'
import { conflict, Fault, toFault } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { change, type ManagementContext, type SignedIn } from './context.ts'
import { datasetFor, described } from './datasets.ts'
import { discardStaged } from './intake.ts'
import { holding, refuseLoss, refuseReplaced, stageWritable } from './live-tables.ts'
import { catalogConnections, type DatasetSource, isUnchanged, sourceOfDataset, stageSource } from './sources.ts'

/**
 * `POST /api/datasets/{name}/refresh`: reads the file again that a manifest imported the dataset from, in the same way, or looks
 * again at what is read in place. A new generation takes over whole, or nothing changes; a file that is as it was is left
 * alone (`refreshed: false`). Rows that endpoints wrote are replaced only with `?force=true`, then also by those of the same file.
 * @throws Fault 409 there is no such file to read, rows were written that would be lost, or the dataset was replaced
 * meanwhile; 422 what is wrong with the file
 */
export async function refreshDataset(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  name: string,
): Promise<Response> {
  const may = () => datasetFor(context, who, request, name, 'editor')
  const before = may()
  const force = new URL(request.url).searchParams.get('force') === 'true'
  const { dataset, refreshed } = await readAgain(context, who.actor, before, request.signal, { may, force })
  return described(context, dataset, 200, { refreshed })
}

interface How {
  /** whether it may still be done, asked when the rows take over. @throws Fault 401, 403, 404 */
  may: () => unknown
  /** also where rows were written that this replaces */
  force: boolean
}

/**
 * Reads a dataset's file again, and notes in the dataset what came of it.
 * @throws Fault as `refreshDataset`; the signal's reason; then the rows of before are still served
 */
export async function readAgain(
  context: ManagementContext,
  actor: Actor,
  before: Dataset,
  signal: AbortSignal,
  how: How = { may: () => undefined, force: false },
): Promise<{ dataset: Dataset; refreshed: boolean }> {
  const noted = (state: Omit<RefreshState, 'at'>) => {
    try {
      setRefreshState(context.db, before.id, { at: now(), ...state })
    } catch (error) {
      log.warn({ dataset: before.name, ...errorFields(error) }, 'what came of reading a file again could not be noted')
    }
  }
  let seen: string | undefined
  try {
    seen = await formOf(context, before)
    const dataset = await readChanged(context, actor, before, signal, how)
    noted({ outcome: dataset ? 'refreshed' : 'unchanged', seen })
    return { dataset: getDataset(context.db, before.projectId, before.name), refreshed: dataset !== undefined }
  } catch (error) {
    const { status, message } = toFault(error)
    // what the file is not to blame for may be over when it is tried again
    const current = findDataset(context.db, before.projectId, before.name)
    const replaced = current?.id !== before.id || current.generation !== before.generation
    const isOfCaller = [401, 403, 404].includes(status)
    if (!signal.aborted && !replaced && !isOfCaller && (before.origin || before.location))
      noted({ outcome: 'failed', error: message, ...(status < 500 ? { seen } : {}) })
    throw error
  }
}

/** @returns undefined: the file is as it was */
async function readChanged(
  context: ManagementContext,
  actor: Actor,
  before: Dataset,
  signal: AbortSignal,
  { may, force }: How,
) {
  const { name, projectId } = before
  const source = await sourceOf(context, before)
  const unchanged = await isUnchanged(context, before, source).catch(error => {
    const fault = toFault(error)
    if (fault.status === 503) throw fault
    throw new Fault(409, 'conflict', `The file that ${name} was imported from cannot be read.`, { cause: error })
  })
  if (unchanged && source.engine !== 'postgres' && !force) return undefined
  refuseLoss(context, before, force)
  const nullable = Object.fromEntries(before.columns.flatMap(c => (c.nullable ? [[c.name, true]] : [])))
  const staging = stageSource(context, source, catalogConnections(context), undefined, signal)
  const types = source.engine === 'sqlite' ? source.types : undefined
  const generation = await stageWritable(context, staging, { writable: before.writable, nullable, types })
  if (source.engine === 'postgres' && isAsDescribed(before, generation)) return undefined
  const takeOver = () => {
    const { dataset, replaced } = change(context, may, (tx, _, touched) => {
      const now = getDataset(tx, projectId, name)
      refuseReplaced(name, before, now)
      refuseLoss(context, now, force)
      touched.datasets.add(inProject(projectId, name))
      return putGeneration(tx, actor, projectId, name, generation)
    })
    if (replaced) context.publisher.discardFile(replaced)
    return dataset
  }
  try {
    return await holding(context, [before], takeOver)
  } catch (error) {
    await discardStaged(context, generation)
    throw error
  }
}

async function sourceOf(context: ManagementContext, dataset: Dataset): Promise<DatasetSource> {
  const { name } = dataset
  const source = sourceOfDataset(dataset)
  if (!source)
    throw conflict(`${name} was not imported from a file of this server's; upload its new rows with replace=true.`)
  if ((await formOf(context, dataset)) === GONE)
    throw conflict(
      `The file that ${name} was imported from is not there any more; apply a manifest that names another.`,
    )
  return source
}

const GONE = 'gone'

/**
 * What tells data that was written anew from what was there before, without reading it; undefined: an upload.
 * @throws Fault 503 its file system does not answer
 */
export async function formOf(context: ManagementContext, { engine, origin }: Dataset): Promise<string | undefined> {
  if (!origin) return undefined
  const { looks } = context.publisher.registry.runtime.queries
  return engine === 'duckdb' ? looks.recentVersion(origin.path) : ((await looks.file(origin.path)) ?? GONE)
}

/** Whether a table is what it was when it was described; how many rows it has is no part of that. */
function isAsDescribed(before: Dataset, { columns, primaryKey, indexes }: Generation): boolean {
  const plain = (list: StoredColumn[]) =>
    list.map(c => [c.name, c.type, c.nullable, c.native, c.precision, c.scale, c.given])
  const of = (list: StoredColumn[], key: string[] | null, indexes: string[][]) =>
    JSON.stringify([plain(list), key, indexes])
  return of(before.columns, before.primaryKey, before.indexes) === of(columns, primaryKey, indexes)
}
