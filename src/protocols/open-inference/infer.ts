/** One inference: the body read and held against the model, scored, and what it answered. */
import type { ServedVersion } from '../../endpoints/endpoint.ts'
import { readBytes } from '../../lib/body.ts'
import { badRequest } from '../../lib/fault.ts'
import { namedRows } from '../../scoring/named-rows.ts'
import type { Scorer } from '../../scoring/scorer.ts'
import { type Answer, packed, type Rendered, render } from './answer.ts'
import { type Envelope, readEnvelope } from './envelope.ts'
import { feedsOf } from './feeds.ts'
import type { NamedModel } from './scope.ts'
import type { Shelf } from './shelf.ts'

export interface InferContext {
  scorer: Scorer
  shelf: Shelf
  /** bytes, as sent and unpacked */
  maxBody: number
  /** milliseconds */
  requestTimeout: number
  /** whether the whole server is ready */
  ready(): boolean
}

/** @throws Fault 400, 413, 415; as `Scorer.score` */
export async function infer(
  context: InferContext,
  { name, key, served, grant }: NamedModel,
  version: ServedVersion,
  request: Request,
  requestId: string,
): Promise<Rendered> {
  const deadline = Date.now() + context.requestTimeout
  const body = await readBytes(request, context.maxBody, ['gzip', 'deflate'])
  const started = Bun.nanoseconds()
  try {
    const envelope = readEnvelope(body, request.headers)
    const { hooks } = served
    if (hooks?.after)
      throw badRequest(
        'The answers of this model are made by code that gives no tensors: ask for predictions.',
        'no_tensors',
      )
    const given = feedsOf(version.metadata, envelope.inputs)
    const { rows } = given
    const outputs = outputsOf(version, envelope)
    const named =
      version.checksRows || hooks ? namedRows(version.metadata, version.codec.features, given.feeds, rows) : []
    if (version.checksRows) version.check(named, 'rows')
    const prepared = await hooks?.prepared(named, { grant, deadline, caller: request })
    // what only was checked goes on as it came: rows hold no infinities
    const feeds = prepared && prepared !== named ? version.codec.encode(prepared, 'rows') : given.feeds
    const read = Bun.nanoseconds()
    const answered = await context.scorer.score(version.scoring, feeds, rows, {
      deadline,
      caller: request,
      outputs: computed(version, outputs),
    })
    const scored = Bun.nanoseconds()
    const answer: Answer = {
      id: envelope.id ?? requestId,
      model: name,
      version: version.number,
      outputs: outputs.map(output => ({ ...output, tensor: answered[output.name]! })),
    }
    const rendered = await packed(render(answer), request.headers.get('accept-encoding'))
    const times = { input: read - started, infer: scored - read, output: Bun.nanoseconds() - scored }
    context.shelf.succeeded(key, version.number, rows, times)
    return rendered
  } catch (error) {
    context.shelf.failed(key, version.number, Bun.nanoseconds() - started)
    throw error
  }
}

/** What goes out, in the order of the request. @throws Fault 400 an output that the model does not have */
function outputsOf({ metadata }: ServedVersion, { outputs, binary }: Envelope): { name: string; binary: boolean }[] {
  const names = metadata.outputs.map(output => output.name)
  if (!outputs) return names.map(name => ({ name, binary }))
  for (const [i, { name }] of outputs.entries())
    if (!names.includes(name))
      throw badRequest(
        `outputs[${i}] is not an output of this model; it has ${names.map(n => `"${n}"`).join(', ')}.`,
        'unknown_output',
      )
  return outputs
}

/** In the model's order, so that requests with the same outputs are scored together; undefined: all of them. */
function computed({ metadata }: ServedVersion, wanted: readonly { name: string }[]): string[] | undefined {
  if (wanted.length === metadata.outputs.length) return undefined
  return metadata.outputs.map(output => output.name).filter(name => wanted.some(output => output.name === name))
}
