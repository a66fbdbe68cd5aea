/** A dataset's settings as the Honeyframe SDK has them: of those, policy and description are ours; and `refresh` besides. */
import { type Static, Type } from '@sinclair/typebox'
import { MASKS, SENSITIVITIES } from '../catalog/column.ts'
import { type ColumnPolicy, type Dataset, getDataset, setColumnPolicy, setDescription } from '../catalog/datasets.ts'
import { RefreshRule, setRefresh } from '../catalog/refresh.ts'
import { inProject } from '../endpoints/publisher.ts'
import { conflict, notServed } from '../lib/fault.ts'
import { closed, Description, literals } from '../lib/shape.ts'
import { shown } from '../lib/text.ts'
import { change, jsonBody, type ManagementContext, type SignedIn } from './context.ts'
import { datasetFor, MaskOrNone, refreshStateOf } from './datasets.ts'
import { checkMatch, single } from './respond.ts'

const Masking = Type.Record(
  Type.String(),
  Type.Object(
    {
      sensitivity: Type.Optional(literals(SENSITIVITIES)),
      strategy: Type.Optional(MaskOrNone),
      unmask_roles: Type.Optional(Type.Unknown()),
      unmask_project_roles: Type.Optional(Type.Unknown()),
    },
    closed,
  ),
)
/** What the SDK sends besides, and is not kept here. */
const ELSEWHERE = [
  'friendly_name',
  'tags',
  'semantic_overrides',
  'column_descriptions',
  'sync_mode',
  'sync_interval',
  'partitioning',
  'catalog',
] as const
const Settings = Type.Object(
  {
    description: Type.Optional(Type.Union([Description, Type.Null()])),
    masking: Type.Optional(
      Type.Union([Masking, Type.Null()], {
        error: `must be {column: {sensitivity, strategy}}, or null: sensitivity one of ${SENSITIVITIES.join(', ')}, strategy one of ${MASKS.join(', ')}, or null.`,
      }),
    ),
    refresh: Type.Optional(RefreshRule),
    ...Object.fromEntries(ELSEWHERE.map(name => [name, Type.Optional(Type.Unknown())])),
  },
  closed,
)

const settingsOf = ({ name, description, columns, refresh }: Dataset) => ({
  name,
  managed: true,
  friendly_name: null,
  description,
  refresh,
  masking: Object.fromEntries(
    columns
      .filter(c => c.decided || c.mask !== undefined || c.sensitivity !== 'low')
      .map(c => [
        c.name,
        { sensitivity: c.sensitivity, strategy: c.mask ?? null, unmask_roles: [], unmask_project_roles: [] },
      ]),
  ),
  /** columns of `masking` that an import put there, until somebody decides */
  proposals: Object.fromEntries(columns.flatMap(c => (c.proposal ? [[c.name, c.proposal]] : []))),
  tags: [],
  semantic_overrides: {},
  column_descriptions: {},
  sync_mode: null,
  sync_interval: null,
  partitioning: null,
  catalog: null,
})

export const settings = (context: ManagementContext, request: Request, who: SignedIn, name: string): Response =>
  answered(datasetFor(context, who, request, name, 'viewer'))

/**
 * Writes what is given and leaves the rest, the columns that `masking` does not name included: leaving one out never takes
 * its protection away.
 */
export async function changeSettings(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  name: string,
): Promise<Response> {
  const may = () => datasetFor(context, who, request, name, 'editor')
  const { id } = may()
  const body = (await jsonBody(context, request, Settings)) as Static<typeof Settings> & Record<string, unknown>
  for (const field of ELSEWHERE) if (says(body[field])) throw notServed(`${field} is not kept by this server.`)
  const policy = body.masking && policyOf(body.masking)
  const changed = change(context, may, (tx, dataset, touched) => {
    if (dataset.id !== id) throw conflict('This was changed since you read it; read it again.')
    checkMatch(request, settingsOf(dataset))
    if (policy && setColumnPolicy(tx, who.actor, dataset, policy))
      touched.datasets.add(inProject(dataset.projectId, name))
    if (typeof body.description === 'string') setDescription(tx, who.actor, dataset, body.description)
    if (body.refresh !== undefined) setRefresh(tx, who.actor, dataset, body.refresh)
    return getDataset(tx, dataset.projectId, name)
  })
  return answered(changed, { ok: true })
}

function policyOf(masking: Static<typeof Masking>): ColumnPolicy {
  return Object.fromEntries(
    Object.entries(masking).map(([column, { sensitivity, strategy, unmask_roles, unmask_project_roles }]) => {
      if (says(unmask_roles) || says(unmask_project_roles))
        throw notServed(
          `masking: ${shown(column)}: roles do not unmask single columns here; a key's masking_level and sensitivity_max do.`,
        )
      return [column, { sensitivity, mask: strategy }]
    }),
  )
}

/** Whether a field holds anything: what `settings` gives back empty may be sent back. */
const says = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== '' &&
  !(typeof value === 'object' && Object.keys(value).length === 0)

const answered = (dataset: Dataset, more: object = {}) => {
  const path = `/api/datasets/${encodeURIComponent(dataset.name)}`
  const beside = { refresh_state: refreshStateOf(dataset), ...more }
  return single(settingsOf(dataset), { self: `${path}/settings`, dataset: path }, 200, beside)
}
