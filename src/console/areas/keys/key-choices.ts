/** What a key can be given: endpoints, services, columns that there are. */
import { useQuery } from '@tanstack/react-query'
import { type EndpointConfig, servicesQuery } from '../../api/services.ts'
import { deploymentsQuery } from '../deployments/api.ts'
import { type KeyOwner, type ServiceRow, useSurroundings } from './api.ts'
import { datasetsOf, type Surroundings } from './shape.ts'

export interface ColumnChoice {
  /** as a key names it: `alias.column` for a joined table */
  name: string
  type: string
}

export interface KeyChoices {
  /** of a service's key its endpoints; of a project's `service.endpoint` */
  endpoints: { id: string; kind: EndpointConfig['kind'] }[]
  /** undefined: the key is a service's */
  services?: { key: string; title: string }[]
  deployments: string[]
  /** what the reached tables can do beside GET: empty where there is nothing to write to */
  methods: string[]
  columns: ColumnChoice[]
  /** those that rows can be chosen by: of the table that an endpoint begins with */
  scopable: string[]
}

/** undefined: it is being read, or that failed */
export function useKeyChoices(owner: KeyOwner): { choices: KeyChoices | undefined; error: Error | null } {
  const { project, service } = owner
  const { data: all, error } = useQuery({ ...servicesQuery(project.project_id), enabled: !service })
  const { data: deployments, error: problem } = useQuery({
    ...deploymentsQuery(project.project_id),
    select: ({ items }) => items,
    refetchInterval: false,
    enabled: !service,
  })
  const services = service ? [service] : all
  const { around, error: trouble } = useSurroundings(project.project_id, services)
  const isRead = services && around && (service || deployments)
  return {
    choices: isRead ? choicesOf(services, around, owner, deployments) : undefined,
    error: error ?? problem ?? trouble,
  }
}

function choicesOf(
  services: ServiceRow[],
  around: Surroundings,
  { service }: KeyOwner,
  deployments: { name: string }[] | undefined,
): KeyChoices {
  const endpoints = services.flatMap(({ asset_key, config }) =>
    (config.endpoints ?? []).map(endpoint => ({ asset_key, endpoint })),
  )
  const columns = new Map<string, string>()
  const scopable = new Set<string>()
  for (const { endpoint } of endpoints)
    for (const [position, dataset] of datasetsOf(endpoint).entries()) {
      const joins = endpoint.kind === 'sql' ? (endpoint.query.joins ?? []) : []
      const join = joins[position - 1]
      const prefix = join ? `${join.as ?? join.table}.` : ''
      for (const column of around.datasets.find(({ name }) => name === dataset)?.columns ?? []) {
        columns.set(prefix + column.name, column.data_type)
        if (!join) scopable.add(column.name)
      }
    }
  return {
    endpoints: endpoints.map(({ asset_key, endpoint }) => ({
      id: service ? endpoint.id : `${asset_key}.${endpoint.id}`,
      kind: endpoint.kind,
    })),
    ...(service ? {} : { services: services.map(({ asset_key: key, title }) => ({ key, title })) }),
    deployments: deployments?.map(({ name }) => name) ?? [],
    methods: methodsOf(endpoints.map(({ endpoint }) => endpoint)),
    columns: [...columns].map(([name, type]) => ({ name, type })).sort((a, b) => a.name.localeCompare(b.name, 'en')),
    scopable: [...scopable].sort((a, b) => a.localeCompare(b, 'en')),
  }
}

const ORDER = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

function methodsOf(endpoints: { kind: string; methods?: string[] }[]): string[] {
  const found = new Set(endpoints.flatMap(({ kind, methods }) => (kind === 'table' ? (methods ?? ['GET']) : [])))
  return found.size > 1 || (found.size === 1 && !found.has('GET')) ? ORDER.filter(method => found.has(method)) : []
}
