import { statSync } from 'node:fs'
import type { StoredColumn } from '../catalog/column.ts'
import { type Dataset, type Generation, getDataset, putGeneration } from '../catalog/datasets.ts'
import { inProject } from '../endpoints/publisher.ts'
import { conflict, Fault } from '../lib/fault.ts'
import type { ManagementContext, SignedIn } from './context.ts'
import { datasetFor, described } from './datasets.ts'
import { discardStaged } from './intake.ts'
import { holding, refuseLoss, stageWritable } from './live-tables.ts'
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
  const before = datasetFor(context, who, request, name, 'editor')
  const source = sourceOf(before)
  const unchanged = await isUnchanged(context, before, source).catch(error => {
    throw new Fault(409, 'conflict', `The file that ${name} was imported from cannot be read.`, { cause: error })
  })
  const force = new URL(request.url).searchParams.get('force') === 'true'
  if (unchanged && source.engine !== 'postgres' && !force) return described(context, before, 200, { refreshed: false })
  refuseLoss(context, before, force)
  const nullable = Object.fromEntries(before.columns.flatMap(c => (c.nullable ? [[c.name, true]] : [])))
  const staging = stageSource(context, source, catalogConnections(context), undefined, request.signal)
  const types = source.engine === 'sqlite' ? source.types : undefined
  const generation = await stageWritable(context, staging, { writable: before.writable, nullable, types })
  if (source.engine === 'postgres' && isAsDescribed(before, generation))
    return described(context, before, 200, { refreshed: false })
  const change = () => {
    const { dataset, replaced } = context.publisher.change((tx, touched) => {
      const now = getDataset(tx, before.projectId, name)
      if (now.id !== before.id || now.generation !== before.generation)
        throw conflict('The dataset was replaced while its file was read; nothing was changed by this.')
      refuseLoss(context, now, force)
      touched.datasets.add(inProject(before.projectId, name))
      return putGeneration(tx, who.actor, before.projectId, name, generation)
    })
    if (replaced) context.publisher.discardFile(replaced)
    return described(context, dataset, 200, { refreshed: true })
  }
  try {
    return await holding(context, [before], change)
  } catch (error) {
    await discardStaged(context, generation)
    throw error
  }
}

function sourceOf(dataset: Dataset): DatasetSource {
  const { name } = dataset
  const source = sourceOfDataset(dataset)
  if (!source)
    throw conflict(`${name} was not imported from a file of this server's; upload its new rows with replace=true.`)
  if (source.engine === 'sqlite' && !statSync(source.path, { throwIfNoEntry: false })?.isFile())
    throw conflict(
      `The file that ${name} was imported from is not there any more; apply a manifest that names another.`,
    )
  return source
}

/** Whether a table is what it was when it was described; how many rows it has is no part of that. */
function isAsDescribed(before: Dataset, { columns, primaryKey, indexes }: Generation): boolean {
  const plain = (list: StoredColumn[]) =>
    list.map(c => [c.name, c.type, c.nullable, c.native, c.precision, c.scale, c.given])
  const of = (list: StoredColumn[], key: string[] | null, indexes: string[][]) =>
    JSON.stringify([plain(list), key, indexes])
  return of(before.columns, before.primaryKey, before.indexes) === of(columns, primaryKey, indexes)
}
