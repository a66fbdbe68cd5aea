/** The rows of datasets in the management API, always through the engine and its policy. */

import { type Dataset, findDataset } from '../catalog/datasets.ts'
import { adminGrant, type Grant, viewerGrant } from '../catalog/grant.ts'
import { paramsOf } from '../endpoints/params.ts'
import { compileEndpoint } from '../endpoints/registry.ts'
import { placed } from '../endpoints/runtime.ts'
import { deadlineIn } from '../lib/deadline.ts'
import { conflict, Fault, unprocessable } from '../lib/fault.ts'
import { stringifyLossless } from '../lib/json.ts'
import type { RowsReply } from '../query/prepared.ts'
import { profileOf } from '../query/profile.ts'
import { type ManagementContext, mayEdit, type SignedIn } from './context.ts'
import { datasetFor } from './datasets.ts'
import { rowsNow } from './live-tables.ts'
import { jsonText, wholeNumber } from './respond.ts'

const PREVIEW = 100
const MAX_PAGE_SIZE = 1000

/**
 * Viewers see what a masked key up to medium sees; editors and administrators see everything raw, as in a dry-run: they
 * decide of the policy, and mint keys past it. With `as=viewer` they see what viewers see.
 * @throws Fault 422 another `as`
 */
function grantOf(context: ManagementContext, request: Request, { user }: SignedIn, projectId: number): Grant {
  const as = new URL(request.url).searchParams.get('as')
  if (as !== null && as !== 'viewer') throw unprocessable('as must be viewer.')
  return as === null && mayEdit(context, user, projectId) ? adminGrant(projectId) : viewerGrant(projectId)
}

/** The first rows, 100 at most. */
export async function preview(context: ManagementContext, request: Request, who: SignedIn, name: string) {
  const dataset = datasetFor(context, who, request, name, 'viewer')
  const limit = wholeNumber(new URL(request.url), 'limit', PREVIEW, PREVIEW)
  const { columns, rows } = await page(context, request, who, dataset, { limit })
  return lossless({ columns, rows })
}

/** A page of the rows, `page` counted from 1, in the order of the primary key or else of the file. */
export async function explore(context: ManagementContext, request: Request, who: SignedIn, name: string) {
  const dataset = datasetFor(context, who, request, name, 'viewer')
  const url = new URL(request.url)
  const number = wholeNumber(url, 'page', 1, 1_000_000)
  const size = wholeNumber(url, 'page_size', 50, MAX_PAGE_SIZE)
  // of rows that are elsewhere nobody knows how many there are now
  const total = dataset.engine !== 'sqlite'
  const found = await page(context, request, who, dataset, { limit: size, offset: (number - 1) * size, total })
  const { columns, rows } = found
  const answer = { columns, rows, total: found.total ?? rowsNow(context, dataset), page: number, page_size: size }
  return lossless(answer satisfies RowsPage)
}

export interface RowsPage extends Pick<RowsReply, 'columns' | 'rows'> {
  total: number
  /** from 1 */
  page: number
  page_size: number
}

/** A dataset's profile as it is answered. */
export interface DatasetProfile {
  name: string
  row_count: number
  columns: Awaited<ReturnType<typeof profileOf>>
}

/** What the columns hold, as far as the caller may know it (query/profile.ts). */
export async function profile(context: ManagementContext, request: Request, who: SignedIn, name: string) {
  const dataset = datasetFor(context, who, request, name, 'viewer')
  const { runtime } = context.publisher.registry
  const now = performance.now()
  const { requestTimeout } = context.config
  const { signal } = request
  const limits = { deadline: now + requestTimeout, countUntil: now + requestTimeout / 2, signal }
  try {
    const columns = await profileOf(
      placed(dataset, runtime),
      grantOf(context, request, who, dataset.projectId),
      runtime.queries,
      limits,
    )
    const answer = { name: dataset.name, row_count: rowsNow(context, dataset), columns }
    return lossless(answer satisfies DatasetProfile)
  } catch (error) {
    // its file goes between two statements when it is imported again
    if (error instanceof Fault || findDataset(context.db, dataset.projectId, name)?.file === dataset.file) throw error
    throw conflict('The dataset was replaced while it was profiled; ask again.')
  }
}

async function page(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  dataset: Dataset,
  { limit, offset = 0, total = false }: { limit: number; offset?: number; total?: boolean },
): Promise<RowsReply> {
  const [schema, table] = dataset.name.split('.') as [string, string]
  const query = { source: { schema, table }, pagination: { default_limit: limit, max_limit: MAX_PAGE_SIZE, total } }
  const { db, publisher, config } = context
  const endpoint = compileEndpoint(
    { id: 'rows', kind: 'sql', query },
    db,
    dataset.projectId,
    publisher.registry.runtime,
  )
  const call = { params: paramsOf({ limit, offset }), deadline: deadlineIn(config.requestTimeout), caller: request }
  return (await endpoint.run(call, grantOf(context, request, who, dataset.projectId))) as RowsReply
}

const lossless = (answer: unknown): Response => jsonText(stringifyLossless(answer))
