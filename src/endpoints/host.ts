/** What a handler may ask for while it runs, within what its caller may and its definition grants. */
import { type Grant, publicGrant, reachesEndpoint } from '../catalog/grant.ts'
import type { HandlerConfig } from '../catalog/handler.ts'
import { epochOf } from '../lib/deadline.ts'
import { deadlinePassed, Fault, forbidden, notFound } from '../lib/fault.ts'
import { parseLossless } from '../lib/json.ts'
import { NO_PARAMS } from '../lib/params.ts'
import { Turns } from '../lib/turns.ts'
import { isDataLost } from '../query/damage.ts'
import { type FunctionCall, type FunctionLimits, type HandlerRun, tooManyHostCalls } from '../sandbox/job.ts'
import { type FetchRequest, fetchOutside } from '../sandbox/outside.ts'
import { type CallTree, type HandlerCall, type Surroundings, textOf } from './endpoint.ts'
import { paramsOf } from './params.ts'
import type { EndpointRuntime } from './runtime.ts'
import { MOST_READ_HERE } from './schema-checks.ts'

const encoder = new TextEncoder()
const CALL = 'call '

const MAX_DEPTH = 4
/** Host calls of one call that are under way at a time; and of those, calls of functions or hooks, which hold a place each. */
const AT_ONCE = 8
const FUNCTIONS_AT_ONCE = 1

/**
 * @returns what does one host call: `fetch`, or `call` and an endpoint's name, and its argument in JSON, to JSON
 * @throws Fault its refusal, for the handler
 */
export function hostOf(
  surroundings: Surroundings,
  grants: NonNullable<HandlerConfig['grants']>,
  limits: FunctionLimits,
  call: Omit<HandlerCall, 'deadline'>,
  runtime: EndpointRuntime,
): FunctionCall['host'] {
  const tree: CallTree = call.within ?? { depth: 0, budget: { most: limits.hostCalls, left: limits.hostCalls } }
  const turns = new Turns(AT_ONCE)
  const functionTurns = new Turns(FUNCTIONS_AT_ONCE)

  /** @param argument JSON; empty: none */
  async function endpointCall(id: string, argument: string, run: HandlerRun): Promise<string> {
    // it is done for the handler: as long as that runs, from when its turn comes
    const during = () => ({ deadline: epochOf(run.end.at), caller: run })
    const endpoint = surroundings.endpoint(id)
    if (!endpoint) throw notFound('This service has no such endpoint.', 'endpoint_unknown')
    const grant = grantFor(surroundings, grants.endpoints ?? [], call.grant, id)
    // code runs there, too: it is a part of this call, in depth and in what it may ask for
    const runsCode = endpoint.handle !== undefined || endpoint.model?.hooks !== undefined
    if (runsCode && tree.depth + 1 >= MAX_DEPTH)
      throw new Fault(500, 'functions_too_deep', `Functions call one another more than ${MAX_DEPTH} deep.`)
    const within: CallTree | undefined = runsCode ? { depth: tree.depth + 1, budget: tree.budget } : undefined
    if (endpoint.handle) {
      const { handle, methods } = endpoint
      const request = {
        method: argument !== '' && methods.includes('POST') ? 'POST' : methods[0]!,
        path: `/api/service/${surroundings.service.key}/${id}`,
        params: {},
        query: '',
        headers: {},
        body: argument === '' ? undefined : jsonOf(argument),
      }
      const reply = await functionTurns.run(() => handle(request, { grant, ...during(), within }))
      if (reply.status >= 400)
        throw new Fault(reply.status, 'function_refused', 'The function that was called answered with an error.')
      if (reply.json !== undefined) return reply.json
      if (reply.body instanceof Uint8Array)
        throw new Fault(500, 'function_failed', 'The function that was called answered with bytes.')
      return JSON.stringify(reply.body)
    }
    const takesBody = endpoint.kind === 'model'
    const params = takesBody ? NO_PARAMS : paramsOf(parseLossless(argument || '{}') ?? {})
    const bytes = takesBody ? encoder.encode(argument || 'null') : undefined
    const answered = async () => endpoint.run({ params, bytes, ...during(), within }, grant)
    try {
      return textOf(await (runsCode ? functionTurns.run(answered) : answered()))
    } catch (error) {
      // the rows that were there when this call began have been replaced since, and their file is gone
      const now = isDataLost(error) ? surroundings.published?.(id) : undefined
      if (!now?.answers || now === endpoint) throw error
      return textOf(await now.run({ params, bytes, ...during(), within }, grant))
    }
  }

  return (kind, argument, run) =>
    turns.run(async () => {
      // the call ended while this waited for its turn: nobody asks for it any more
      if (run.settled || performance.now() >= run.end.at) throw deadlinePassed()
      if (tree.budget.left-- <= 0) throw tooManyHostCalls(tree.budget.most)
      if (kind.startsWith(CALL)) return endpointCall(kind.slice(CALL.length), argument, run)
      const { signal } = run
      // counted from when the handler began to run: until then it may have waited for a process
      const { at: deadline } = run.end
      const bounds = { hosts: grants.fetch ?? [], networks: runtime.fetchNetworks, bytes: limits.outputBytes }
      return JSON.stringify(await fetchOutside(JSON.parse(argument) as FetchRequest, { ...bounds, deadline, signal }))
    })
}

/** JSON that goes into other JSON as it is; a long one is for another process to read. @throws SyntaxError it is none */
function jsonOf(json: string): { json: string; unread: boolean } {
  const unread = json.length > MOST_READ_HERE
  if (!unread) JSON.parse(json)
  return { json, unread }
}

/** The caller's own grant, whose policy holds in here too. @throws Fault 403 neither the caller nor the definition reaches it */
function grantFor({ service, isPublic }: Surroundings, granted: string[], grant: Grant, id: string): Grant {
  if (reachesEndpoint(grant, service, id) || granted.includes('*') || granted.includes(id)) return grant
  if (isPublic) return publicGrant(service)
  throw forbidden('Neither the caller nor the function may call this endpoint.', 'endpoint_out_of_reach')
}
