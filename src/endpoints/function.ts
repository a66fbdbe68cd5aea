import type { FunctionEndpoint } from '../catalog/service-config.ts'
import { notServed } from '../lib/fault.ts'
import type { Endpoint } from './endpoint.ts'
import { compilePorterRoute } from './porter.ts'

/** Functions are accepted and kept; running them needs the sandbox, which this version does not have. */
export function compileFunctionEndpoint(endpoint: FunctionEndpoint): Endpoint {
  return {
    id: endpoint.id,
    kind: 'function',
    methods: ['POST'],
    takesBody: true,
    files: [],
    porter: compilePorterRoute({ id: endpoint.id, porter: endpoint.porter }),
    run() {
      throw notServed('Function endpoints are not served by this version of Callgate.')
    },
  }
}
