import { METHODS } from '../catalog/grant.ts'
import type { EndpointConfig } from '../catalog/service-config.ts'
import { unavailable } from '../lib/fault.ts'
import type { Endpoint } from './endpoint.ts'
import { compilePorterRoute } from './porter.ts'

/** Stands in for a published endpoint that no longer compiles, so that the others of its service are served. */
export function brokenEndpoint(config: EndpointConfig): Endpoint {
  const { id, kind } = config
  const takesBody = kind === 'model' || kind === 'function'
  return {
    id,
    kind,
    methods: kind === 'table' ? METHODS : [takesBody ? 'POST' : 'GET'],
    takesBody,
    files: [],
    broken: true,
    porter: 'porter' in config ? compilePorterRoute(config) : undefined,
    run() {
      throw cannotBeServed()
    },
  }
}

/** 503: what a call of a broken endpoint gets. */
export const cannotBeServed = () =>
  unavailable("This endpoint cannot be served as it was published; the server's log says why.", 60)
