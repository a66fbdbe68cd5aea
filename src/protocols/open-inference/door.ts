/**
 * The model protocols' door: Open Inference v2 below `/v2`, KServe v1 below `/v1/models`. Bodies are read as raw bytes, since
 * tritonclient sends no content type; errors are `{"error": "..."}`.
 */
import type { Gate } from '../../gate/gate.ts'
import { MeteredCall } from '../../gate/metering.ts'
import { checkAnnouncedLength } from '../../lib/body.ts'
import { type Fault, notFound, toFault } from '../../lib/fault.ts'
import { rawPath } from '../../lib/path.ts'
import { sent } from '../../lib/sending.ts'
import type { Scorer } from '../../scoring/scorer.ts'
import { type Identity, identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import type { InferContext } from './infer.ts'
import { JSON_TYPE, type Reply } from './reply.ts'
import { answerV1 } from './routes-v1.ts'
import { answerV2 } from './routes-v2.ts'
import { publishedModels, type Scope } from './scope.ts'
import { Shelf } from './shelf.ts'

interface ModelDoorSettings {
  maxBody: number
  requestTimeout: number
  /** what `/-/ready` says of the whole server */
  ready(): boolean
}

export interface ModelDoor {
  /** A call of `/v2...` or `/v1/models...`, on everything published. */
  serve(request: Request, address: () => string): Promise<Response>
  /**
   * The same routes below another path.
   * @param path begins with `/v1/models` or `/v2`; not decoded
   */
  serveWithin(scope: Scope, path: string, request: Request, identity: Identity): Promise<Response>
}

export function modelDoor(gate: Gate, scorer: Scorer, settings: ModelDoorSettings): ModelDoor {
  const context: InferContext = { scorer, shelf: new Shelf(), ...settings }

  async function serveWithin(scope: Scope, path: string, request: Request, identity: Identity): Promise<Response> {
    try {
      checkAnnouncedLength(request.headers, settings.maxBody)
      const { status, body, headers } = await dispatch(context, scope, path, request, identity.requestId)
      return new Response(sent(body), { status, headers: { ...identity.headers, ...headers } })
    } catch (error) {
      const fault = toFault(error)
      logFailure(fault, error, identity)
      return refusal(fault, identity)
    }
  }

  return {
    serveWithin,
    serve(request, address) {
      const metered = new MeteredCall({})
      const scope = publishedModels(gate, request.headers, address, metered)
      const answer = serveWithin(scope, rawPath(request.url), request, identify(request.headers))
      return gate.meter.counted(metered, request, answer)
    },
  }
}

const V1 = '/v1/models'
const V2 = '/v2'
const below = (path: string, prefix: string) => path === prefix || path.startsWith(`${prefix}/`)

/** Whether a path is one of this door's. */
export const isModelPath = (path: string): boolean => below(path, V1) || below(path, V2)

function dispatch(context: InferContext, scope: Scope, path: string, request: Request, id: string): Promise<Reply> {
  if (below(path, V2)) return answerV2(context, scope, request, path.slice(V2.length), id)
  if (below(path, V1)) return answerV1(context, scope, request, path.slice(V1.length))
  throw notFound('No such route.')
}

/** What is 422 elsewhere is 400 here. */
function refusal(fault: Fault, identity: Identity): Response {
  return new Response(JSON.stringify({ error: fault.message }), {
    status: fault.status === 422 ? 400 : fault.status,
    headers: { ...identity.headers, ...fault.headers, ...JSON_TYPE },
  })
}
