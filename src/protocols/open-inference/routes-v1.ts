/** KServe v1: the names, whether one is ready, and its predictions. */
import { notServed } from '../../lib/fault.ts'
import type { InferContext } from './infer.ts'
import { predict } from './predict.ts'
import { JSON_TYPE, json, type Reply } from './reply.ts'
import { nameOf, need, unloaded, unloadedReply } from './route.ts'
import type { Scope } from './scope.ts'

const MODEL = /^\/(.+?)(?:(?::|%3a)(predict|explain))?$/i

/** @param path what follows `/v1/models`, not decoded. @throws Fault */
export async function answerV1(context: InferContext, scope: Scope, request: Request, path: string): Promise<Reply> {
  const route = MODEL.exec(path)
  if (!route) {
    const { models, headers } = await scope.enter()
    need(request, 'GET')
    const here = models().filter(({ key }) => context.shelf.holds(key))
    return json({ models: here.map(({ name }) => name) }, headers)
  }
  const name = nameOf(route[1]!)
  const action = route[2]?.toLowerCase()
  const { model, headers } = await scope.find(name)
  need(request, action === undefined ? 'GET' : 'POST')
  if (!context.shelf.holds(model.key)) {
    if (action === undefined) return unloadedReply(name, headers)
    throw unloaded()
  }
  switch (action) {
    case undefined: {
      const { ready } = context.scorer.status()
      return json({ name, ready }, headers, ready ? 200 : 503)
    }
    case 'predict': {
      const body = await predict(context, model, model.served.active, request)
      return { status: 200, body, headers: { ...headers, ...JSON_TYPE } }
    }
    default:
      throw notServed('Explanations are not part of this server.')
  }
}
