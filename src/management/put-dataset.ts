import {
  type ColumnPolicy,
  type Dataset,
  findDataset,
  type Generation,
  getDataset,
  putGeneration,
  setColumnPolicy,
  setDescription,
  setNullable,
} from '../catalog/datasets.ts'
import type { Project } from '../catalog/projects.ts'
import { inProject } from '../endpoints/publisher.ts'
import { conflict } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { change, type ManagementContext, type SignedIn } from './context.ts'
import { described } from './datasets.ts'
import { discardStaged } from './intake.ts'
import { holding, refuseLoss, refuseReplaced } from './live-tables.ts'

/** Where a dataset is put: what had that name when it was asked for, and `now` what has it. @throws Fault 409 that is not to be replaced */
interface Place {
  name: string
  before: Dataset | undefined
  now(): Dataset | undefined
}

interface Said {
  columns?: ColumnPolicy
  nullable?: Record<string, boolean>
  description?: string
}

/**
 * The place of a dataset of this name.
 * @param replace whether what has it is replaced; `force`: also where rows of it were written
 * @param remedy what its caller sends to have it replaced
 * @throws Fault 409 as `Place.now`
 */
export function placeFor(
  context: ManagementContext,
  project: Project,
  name: string,
  { replace = false, force = false, remedy }: { replace?: boolean; force?: boolean; remedy?: string } = {},
): Place {
  const now = () => {
    const existing = findDataset(context.db, project.id, name)
    if (!replace && existing)
      throw conflict(`The project has a dataset ${shown(name)} already${remedy ? `; ${remedy}` : ''}.`)
    refuseLoss(context, existing, force)
    return existing
  }
  return { name, before: now(), now }
}

/**
 * Makes rows that were staged a dataset, in the place of the one that had it when they were asked for, with what is said of it.
 * @param may its project, of whoever may put it there
 * @throws Fault what those do; 409 another has the place by now; 422 what is said of columns: then nothing is left of the rows
 */
export async function putDataset(
  context: ManagementContext,
  who: SignedIn,
  may: () => Project,
  { name, before, now }: Place,
  generation: Generation,
  { columns, nullable = {}, description }: Said,
): Promise<Response> {
  const put = () => {
    const { dataset, replaced } = change(context, may, (tx, { id }, touched) => {
      refuseReplaced(name, before, now())
      const { dataset, replaced } = putGeneration(tx, who.actor, id, name, generation)
      if (columns) setColumnPolicy(tx, who.actor, dataset, columns)
      setNullable(tx, who.actor, getDataset(tx, id, name), nullable)
      if (description !== undefined) setDescription(tx, who.actor, dataset, description)
      touched.datasets.add(inProject(id, name))
      return { dataset: getDataset(tx, id, name), replaced }
    })
    if (replaced) context.publisher.discardFile(replaced)
    return described(context, dataset, 201)
  }
  try {
    return await holding(context, [before], put)
  } catch (error) {
    await discardStaged(context, generation)
    throw error
  }
}
