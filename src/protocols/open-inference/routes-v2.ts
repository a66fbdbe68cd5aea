/** The Open Inference Protocol v2, with Triton's extensions that `GET /v2` names. */
import type { ServedVersion } from '../../endpoints/endpoint.ts'
import { parseJson, readBytes } from '../../lib/body.ts'
import { deadlineIn } from '../../lib/deadline.ts'
import { badRequest, forbidden, notFound } from '../../lib/fault.ts'
import { isObject } from '../../lib/json.ts'
import { version as serverVersion } from '../../lib/version.ts'
import { configOf, metadataOf, versionsOf } from './describe.ts'
import { type InferContext, infer } from './infer.ts'
import { json, type Reply } from './reply.ts'
import { nameOf, need, unloaded, unloadedReply } from './route.ts'
import type { NamedModel, Scope } from './scope.ts'

const EXTENSIONS = ['model_repository', 'model_configuration', 'statistics', 'binary_tensor_data']
/** The name itself may hold slashes: clients do not encode them. */
const MODEL = /^\/models\/(.+?)(?:\/versions\/([^/]+))?(?:\/(ready|infer|config|stats))?$/
/** Triton's other extensions, which its client has calls for. */
const NOT_HERE = /^\/(systemsharedmemory|cudasharedmemory|trace|logging)(?:\/|$)/
const REPOSITORY = /^\/repository\/models\/(.+)\/(load|unload)$/

/** @param path what follows `/v2`, not decoded. @throws Fault */
export async function answerV2(
  context: InferContext,
  scope: Scope,
  request: Request,
  path: string,
  requestId: string,
): Promise<Reply> {
  const repository = REPOSITORY.exec(path)
  if (repository) return load(context, scope, request, nameOf(repository[1]!), repository[2] as 'load' | 'unload')
  const model = path === '/models/stats' ? null : MODEL.exec(path)
  if (model) {
    const [, name, number, action] = model
    return ofModel(context, scope, request, nameOf(name!), number, action, requestId)
  }
  const { models, headers } = await scope.enter()
  switch (path) {
    case '':
    case '/':
      need(request, 'GET')
      return json({ name: 'callgate', version: serverVersion, extensions: EXTENSIONS }, headers)
    case '/health/live':
      need(request, 'GET')
      return json({ live: true }, headers)
    case '/health/ready': {
      need(request, 'GET')
      const ready = context.ready()
      return json({ ready }, headers, ready ? 200 : 503)
    }
    case '/models':
      need(request, 'GET')
      return json({ models: held(context, models()).map(({ name }) => name) }, headers)
    case '/models/stats':
      need(request, 'GET')
      return json({ model_stats: held(context, models()).flatMap(one => statistics(context, one)) }, headers)
    case '/repository/index':
      need(request, 'POST')
      return json(await index(context, request, models()), headers)
    default: {
      const [, extension] = NOT_HERE.exec(path) ?? []
      throw notFound(extension ? `Triton's ${extension} extension is not part of this server.` : 'No such route.')
    }
  }
}

async function ofModel(
  context: InferContext,
  scope: Scope,
  request: Request,
  name: string,
  number: string | undefined,
  action: string | undefined,
  requestId: string,
): Promise<Reply> {
  const { model, headers } = await scope.find(name)
  need(request, action === 'infer' ? 'POST' : 'GET')
  if (!context.shelf.holds(model.key)) {
    if (action === 'ready') return unloadedReply(name, headers)
    throw unloaded()
  }
  const version = versionOf(model, number)
  switch (action) {
    case 'infer': {
      const { body, headers: own } = await infer(context, model, version, request, requestId)
      return { status: 200, body, headers: { ...headers, ...own } }
    }
    case 'ready': {
      const { ready } = context.scorer.status()
      return json({ name, ready }, headers, ready ? 200 : 503)
    }
    case 'config':
      return json(configOf(name, version), headers)
    case 'stats':
      return json({ model_stats: statistics(context, model, number === undefined ? undefined : version) }, headers)
    default:
      return json(metadataOf(name, number === undefined ? versionsOf(model.served) : [number], version), headers)
  }
}

async function load(
  context: InferContext,
  scope: Scope,
  request: Request,
  name: string,
  action: 'load' | 'unload',
): Promise<Reply> {
  const { model, manages, headers } = await scope.findToManage(name)
  need(request, 'POST')
  if (!manages) throw forbidden('This key may not load and unload models.', 'not_a_manager')
  const parameters = parametersOf(await bodyOf(context, request))
  if (action === 'unload') context.shelf.take(model.key)
  else {
    if (parameters.some(parameter => parameter === 'config' || parameter.startsWith('file:')))
      throw badRequest(
        'Models and their configuration are set by the management API; load takes no config and no files.',
      )
    await context.scorer.warm(model.served.active.scoring)
    context.shelf.put(model.key)
  }
  return json({ name, [action]: true }, headers)
}

/** One row for each version, as Triton has it. */
async function index(context: InferContext, request: Request, models: NamedModel[]): Promise<unknown[]> {
  const body = await bodyOf(context, request)
  const readyOnly = isObject(body) && body.ready === true
  return models.flatMap(({ name, key, served }) => {
    const held = context.shelf.holds(key)
    if (readyOnly && !held) return []
    const state = held ? { state: 'READY', reason: '' } : { state: 'UNAVAILABLE', reason: 'unloaded' }
    return versionsOf(served).map(version => ({ name, version, ...state }))
  })
}

const held = ({ shelf }: InferContext, models: NamedModel[]) => models.filter(({ key }) => shelf.holds(key))

const statistics = ({ shelf }: InferContext, { key, name, served }: NamedModel, only?: ServedVersion) =>
  (only ? [String(only.number)] : versionsOf(served)).map(version => shelf.statistics(key, name, Number(version)))

function versionOf({ served }: NamedModel, number: string | undefined): ServedVersion {
  if (number === undefined) return served.active
  const version = /^[1-9]\d{0,14}$/.test(number) ? served.versions.get(Number(number)) : undefined
  if (!version) throw notFound('This model has no such version.', 'version_unknown')
  return version
}

async function bodyOf({ maxBody, requestTimeout }: InferContext, request: Request): Promise<unknown> {
  const bytes = await readBytes(request, maxBody, deadlineIn(requestTimeout), ['gzip', 'deflate'])
  return bytes.length === 0 ? {} : parseJson(bytes)
}

/** The names of the parameters. @throws Fault 400 */
function parametersOf(body: unknown): string[] {
  const { parameters } = isObject(body) ? body : { parameters: body }
  if (parameters === undefined || parameters === null) return []
  if (!isObject(body) || !isObject(parameters)) throw badRequest('The body must be an object, and its parameters too.')
  return Object.keys(parameters)
}
