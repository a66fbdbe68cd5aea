import { statSync } from 'node:fs'
import { type Dataset, getDataset, putGeneration } from '../catalog/datasets.ts'
import { inProject } from '../endpoints/publisher.ts'
import { conflict, Fault } from '../lib/fault.ts'
import type { ManagementContext, SignedIn } from './context.ts'
import { datasetFor, described } from './datasets.ts'
import { discardStaged, tableHash } from './intake.ts'
import { holding, refuseLoss, stageRows } from './live-tables.ts'

/**
 * `POST /api/datasets/{name}/refresh`: reads the file again that a manifest imported the dataset from, in the same way. A
 * new generation takes over whole, or nothing changes; a file that is as it was is left alone (`refreshed: false`). Rows that
 * endpoints wrote are replaced only with `?force=true`, then also by those of the same file.
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
  const origin = originOf(before)
  const hash = await tableHash(origin).catch(error => {
    throw new Fault(409, 'conflict', `The file that ${name} was imported from cannot be read.`, { cause: error })
  })
  const force = new URL(request.url).searchParams.get('force') === 'true'
  if (before.sourceHash === hash && !force) return described(context, before, 200, { refreshed: false })
  refuseLoss(context, before, force)
  const nullable = Object.fromEntries(before.columns.flatMap(c => (c.nullable ? [[c.name, true]] : [])))
  const how = { writable: before.writable, nullable }
  const generation = { ...(await stageRows(context, origin, how, undefined, request.signal)), origin }
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

function originOf({ origin, name }: Dataset) {
  if (!origin)
    throw conflict(`${name} was not imported from a file of this server's; upload its new rows with replace=true.`)
  if (!statSync(origin.path, { throwIfNoEntry: false })?.isFile())
    throw conflict(
      `The file that ${name} was imported from is not there any more; apply a manifest that names another.`,
    )
  return origin
}
