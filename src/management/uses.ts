/** What refers to a project's datasets and models: who deletes one, or changes it, is told what that breaks. */
import { listAssets } from '../catalog/assets.ts'
import { listDeployments } from '../catalog/deployments.ts'
import type { EndpointConfig } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'

/** An endpoint of a service, as published or as its draft has it, or a deployment. */
export type Use =
  | {
      in: 'service'
      asset_id: number
      service: string
      title: string
      endpoint: string
      kind: EndpointConfig['kind']
      /** what is published refers to it: deleting it is refused */
      published: boolean
      /** the draft refers to it: without it, that is not published any more */
      draft: boolean
    }
  | { in: 'deployment'; deployment: string }

/** The uses of everything in a project, by the name of a dataset, and of a model or by a version's `model_id`. */
export interface Uses {
  dataset(name: string): Use[]
  /** @param versionIds of the model, or of some of its versions: endpoints may be pinned to one */
  model(name: string, versionIds: readonly number[]): Use[]
}

/** Read once for a whole list. Code of functions is not looked into: what it calls are endpoints. */
export function usesIn(store: Store, projectId: number): Uses {
  const found = new Map<string, Map<string, Use>>()
  const add = (target: string, key: string, use: Use) => {
    const uses = found.get(target) ?? new Map<string, Use>()
    const before = uses.get(key)
    if (before?.in === 'service' && use.in === 'service')
      uses.set(key, { ...before, published: before.published || use.published, draft: before.draft || use.draft })
    else uses.set(key, use)
    found.set(target, uses)
  }
  for (const { id, assetKey, title, config, publishedConfig, status } of listAssets(store, { projectId })) {
    const published = status === 'published' ? (publishedConfig?.endpoints ?? []) : []
    for (const [endpoints, isPublished] of [[published, true] as const, [config.endpoints ?? [], false] as const])
      for (const endpoint of endpoints)
        for (const target of targetsOf(endpoint))
          add(target, `${id}/${endpoint.id}`, {
            in: 'service',
            asset_id: id,
            service: assetKey,
            title,
            endpoint: endpoint.id,
            kind: endpoint.kind,
            published: isPublished,
            draft: !isPublished,
          })
  }
  for (const { name, config } of listDeployments(store, projectId)) {
    const target = targetOfDeployment(config)
    if (target) add(target, `deployment ${name}`, { in: 'deployment', deployment: name })
  }
  const of = (target: string) => [...(found.get(target)?.values() ?? [])]
  return {
    dataset: name => of(`dataset ${name}`),
    model: (name, versionIds) => [...of(`model ${name}`), ...versionIds.flatMap(id => of(`version ${id}`))],
  }
}

/** What an endpoint is on: `dataset NAME`, `model NAME`, or `version ID` where it is pinned to one. */
export function targetsOf(endpoint: EndpointConfig): string[] {
  switch (endpoint.kind) {
    case 'model':
      return [endpoint.model_id === undefined ? `model ${endpoint.model}` : `version ${endpoint.model_id}`]
    case 'lookup':
    case 'table':
      return [`dataset ${endpoint.dataset}`]
    case 'sql':
      return [endpoint.query.source, ...(endpoint.query.joins ?? [])].map(t => `dataset ${t.schema}.${t.table}`)
    default:
      return []
  }
}

/** The same of a deployment; undefined: it is of no model. */
export function targetOfDeployment(config: object): string | undefined {
  const { model, model_id: version } = config as { model?: string; model_id?: number }
  if (model !== undefined) return `model ${model}`
  return version === undefined ? undefined : `version ${version}`
}
