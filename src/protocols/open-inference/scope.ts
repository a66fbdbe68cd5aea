/** Where `{m}` in a URL is looked up: among everything published, or (below a deployment) in that deployment alone. */
import type { Grant } from '../../catalog/grant.ts'
import type { ServedModel } from '../../endpoints/endpoint.ts'
import type { PublishedModel } from '../../endpoints/registry.ts'
import type { Gate } from '../../gate/gate.ts'
import type { LimitHeaders } from '../../gate/limits.ts'
import type { MeteredCall } from '../../gate/metering.ts'
import { presentedKey } from '../../gate/present.ts'
import { unauthorized } from '../../lib/fault.ts'

export interface NamedModel {
  /** as it is listed, or as it was asked for */
  name: string
  /** the same one under every name that it has here, and never that of another, which a later service of its name would be */
  key: string
  served: ServedModel
  /** whose call it is, for the author's code around the model */
  grant: Grant
}

export interface Scope {
  /** A call that is about the server, or all its models. @throws Fault 401, 403, 429 */
  enter(): Promise<{ models(): NamedModel[]; headers: LimitHeaders | undefined }>
  /** A call to one model. @throws Fault 400 an ambiguous name, 401, 403, 404, 429 */
  find(name: string): Promise<{ model: NamedModel; headers: LimitHeaders | undefined }>
  /** A call that loads or unloads one. @throws Fault as `find`; 401 without a key, `manages` false: 403 is for the door to say */
  findToManage(name: string): Promise<{ model: NamedModel; manages: boolean; headers: LimitHeaders | undefined }>
}

/** Everything published, as far as the caller reaches it. */
export function publishedModels(gate: Gate, headers: Headers, address: () => string, metered: MeteredCall): Scope {
  const find = async (name: string) => {
    metered.asked = { model: name }
    const admission = gate.admitModel(headers, address, name)
    metered.admission = admission
    const { grant, headers: limits } = admission
    return { model: named(name, admission, grant), manages: grant.manageModels, headers: limits }
  }
  return {
    async enter() {
      const { grant, headers: limits } = gate.admitKey(headers, address)
      metered.admission = { grant }
      return {
        models: () => gate.modelsOf(grant).map(({ name, published }) => named(name, published, grant)),
        headers: limits,
      }
    },
    find,
    async findToManage(name) {
      if (presentedKey(headers) === undefined)
        throw unauthorized('An API key is needed: send it as X-API-Key.', 'key_missing')
      return find(name)
    },
  }
}

const named = (name: string, { service, endpoint }: PublishedModel, grant: Grant): NamedModel => ({
  name,
  key: `service ${service.assetId} ${endpoint.id}`,
  served: endpoint.model!,
  grant,
})
