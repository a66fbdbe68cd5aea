/** The manifest's shape. Closed: a field that is misspelt is refused, not ignored. */
import { type Static, Type } from '@sinclair/typebox'
import { SENSITIVITIES } from '../../catalog/column.ts'
import { PorterApp } from '../../catalog/porter.ts'
import { RefreshRule } from '../../catalog/refresh.ts'
import { closed, Description, literals, Name, Title } from '../../lib/shape.ts'
import { columnFields, TypeName } from '../datasets.ts'
import { AllowedMethods, RateLimit, ScopedColumns } from '../keys.ts'
import { ProjectText } from '../projects.ts'

const Names = Type.Array(Type.String({ minLength: 1 }))
const optional = Type.Optional
/** of a file: the system says how long one may be */
const Path = Type.String({ minLength: 1 })

const keyFields = {
  name: Title(200, 1),
  /** the environment variable that holds its secret; without it one is minted and printed once */
  secret_env: optional(Name),
  rate_limit: optional(RateLimit),
  masking_level: optional(literals(['masked', 'unmasked'])),
  sensitivity_max: optional(literals(SENSITIVITIES)),
  allowed_columns: optional(Names),
  allowed_endpoints: optional(Type.Union([Names, Type.Null()])),
  /** what it may do at endpoints of kind table; null or []: read */
  allowed_methods: optional(AllowedMethods),
  row_scope: optional(
    Type.Union([ScopedColumns, Type.Null()], {
      error: 'must be {column: [values]}, at most 500 values a column, or null.',
    }),
  ),
  expires_at: optional(
    Type.Union([Type.String(), Type.Null()], { error: 'must be an ISO 8601 time such as 2030-01-31T12:00Z, or null.' }),
  ),
}
const ServiceKey = Type.Object(keyFields, closed)
const ProjectKey = Type.Object(
  {
    ...keyFields,
    allowed_services: optional(Type.Union([Names, Type.Null()])),
    allowed_deployments: optional(Type.Union([Names, Type.Null()])),
    manage_models: optional(Type.Boolean()),
  },
  closed,
)
export type ManifestKey = Static<typeof ProjectKey>

const Dataset = Type.Object(
  {
    name: Name,
    /** a file; with engine duckdb also a folder or a pattern; absent: an empty table to be written to, with all its columns below */
    from: optional(Path),
    /** whether endpoints may write to it */
    writable: optional(Type.Boolean()),
    description: optional(Description),
    /** sqlite: imported into the embedded store (default); duckdb: read in place; postgres: a table of a connection */
    engine: optional(literals(['sqlite', 'duckdb', 'postgres'])),
    connection: optional(Name),
    /** schema.table */
    table: optional(Name),
    primary_key: optional(Type.Union([Name, Names])),
    /** without a primary key: the first unique column without nulls, `id` preferred */
    choose_key: optional(Type.Boolean()),
    indexes: optional(Type.Array(Names)),
    refresh: optional(RefreshRule),
    columns: optional(Type.Record(Type.String(), Type.Object({ type: optional(TypeName), ...columnFields }, closed))),
  },
  closed,
)
export type ManifestDataset = Static<typeof Dataset>

const Model = Type.Object(
  {
    name: Name,
    versions: Type.Array(
      Type.Object({ version: Type.Integer({ minimum: 1 }), file: Path, features: optional(Names) }, closed),
      { minItems: 1 },
    ),
    active: optional(Type.Integer({ minimum: 1 })),
  },
  closed,
)
export type ManifestModel = Static<typeof Model>

const Service = Type.Object(
  {
    key: Name,
    title: optional(Title(500)),
    description: optional(Description),
    publish: optional(Type.Boolean()),
    public: optional(Type.Boolean()),
    /** checked as a service's config is (catalog/service-config.ts) */
    endpoints: optional(Type.Array(Type.Record(Type.String(), Type.Unknown()))),
    keys: optional(Type.Array(ServiceKey)),
  },
  closed,
)
export type ManifestService = Static<typeof Service>

/** checked as a deployment's config is (catalog/deployments.ts), but for what only a manifest can say */
const Deployment = Type.Object({
  name: Name,
  /** relative to the manifest, as `cwd` is */
  ca_file: optional(Path),
})
export type ManifestDeployment = Static<typeof Deployment> & Record<string, unknown>

const Project = Type.Object(
  {
    slug: Name,
    name: optional(Title(200, 1)),
    description: optional(ProjectText),
    datasets: optional(Type.Array(Dataset)),
    models: optional(Type.Array(Model)),
    services: optional(Type.Array(Service)),
    deployments: optional(Type.Array(Deployment)),
    keys: optional(Type.Array(ProjectKey)),
  },
  closed,
)
export type ManifestProject = Static<typeof Project>

const Connection = Type.Object(
  { name: Name, kind: Type.Literal('postgres'), url_env: optional(Name), url_file: optional(Path) },
  closed,
)
export type ManifestConnection = Static<typeof Connection>

export const Manifest = Type.Object(
  {
    porter: optional(PorterApp),
    connections: optional(Type.Array(Connection)),
    projects: Type.Array(Project),
  },
  closed,
)
export interface Manifest {
  porter?: PorterApp
  connections?: ManifestConnection[]
  projects: ManifestProject[]
}
