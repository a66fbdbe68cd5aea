import { statSync } from 'node:fs'
import { type Dataset, getDataset, putGeneration } from '../catalog/datasets.ts'
import { inProject } from '../endpoints/publisher.ts'
import { conflict, Fault } from '../lib/fault.ts'
import type { ManagementContext, SignedIn } from './context.ts'
import { datasetFor, shown } from './datasets.ts'
import { discardStaged, stageTable, tableHash } from './intake.ts'

/**
 * `POST /api/datasets/{name}/refresh`: reads the file again that a manifest imported the dataset from, in the same way. A
 * new generation takes over whole, or nothing changes; a file that is as it was is left alone (`refreshed: false`).
 * @throws Fault 409 there is no such file to read, or the dataset was replaced meanwhile; 422 what is wrong with the file
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
  if (before.sourceHash === hash) return shown(before, 200, { refreshed: false })
  const generation = { ...(await stageTable(context, origin, undefined, request.signal)), origin }
  try {
    const { dataset, replaced } = context.publisher.change((tx, touched) => {
      const now = getDataset(tx, before.projectId, name)
      if (now.id !== before.id || now.generation !== before.generation)
        throw conflict('The dataset was replaced while its file was read; nothing was changed by this.')
      touched.datasets.add(inProject(before.projectId, name))
      return putGeneration(tx, who.actor, before.projectId, name, generation)
    })
    if (replaced) context.publisher.discardFile(replaced)
    return shown(dataset, 200, { refreshed: true })
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
