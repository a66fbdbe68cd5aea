import { Type } from '@sinclair/typebox'
import { adminGrant } from '../catalog/grant.ts'
import { compileEndpoint } from '../endpoints/registry.ts'
import { notFound, unprocessable } from '../lib/fault.ts'
import { stringifyLossless } from '../lib/json.ts'
import { assetFor } from './assets.ts'
import { jsonBody, type ManagementContext, type SignedIn } from './context.ts'

/**
 * The test pane: runs an endpoint of the draft, raw, with the same dispatch as serving. The body is the model's body, or
 * the query's parameters as JSON.
 */
export async function dryRun(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  assetId: string,
  endpointId: string,
): Promise<Response> {
  const asset = assetFor(context, who, assetId, 'editor')
  const config = asset.config.endpoints?.find(e => e.id === endpointId)
  if (!config) throw notFound('The draft has no such endpoint.')
  const body = await jsonBody(context, request, Type.Unknown(), 'score')
  const { db, publisher } = context
  const endpoint = compileEndpoint(config, db, asset.projectId, publisher.registry.runtime)
  const call = {
    params: endpoint.takesBody ? new URLSearchParams() : paramsOf(body),
    body,
    deadline: Date.now() + context.config.requestTimeout,
    caller: request,
  }
  const reply = await endpoint.run(call, adminGrant(asset.projectId))
  return new Response(stringifyLossless(reply), { headers: { 'content-type': 'application/json' } })
}

/** `{"id": 42, "origin": ["JFK", "LGA"]}` as a query string would say it. */
function paramsOf(body: unknown): URLSearchParams {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw unprocessable("The body is the endpoint's parameters as a JSON object.")
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(body))
    for (const one of [value].flat()) {
      if (typeof one === 'object' && one !== null) throw unprocessable('A parameter is a value or a list of values.')
      params.append(name, one === null ? '' : String(one))
    }
  return params
}
