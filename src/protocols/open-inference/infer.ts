/** One inference: the body read and held against the model, scored, and what it answered. */
import type { ModelMetadata } from '../../catalog/tensor.ts'
import type { HandlerCall, ModelHooks, ServedVersion } from '../../endpoints/endpoint.ts'
import { readBytes } from '../../lib/body.ts'
import { deadlineIn } from '../../lib/deadline.ts'
import { badRequest } from '../../lib/fault.ts'
import type { Answered, Form, FormCall } from '../../scoring/bodies.ts'
import { namedRows } from '../../scoring/named-rows.ts'
import type { Scorer } from '../../scoring/scorer.ts'
import { type Answer, elementsInJson, packed, type Rendered, render } from './answer.ts'
import { type Envelope, HEADER_LENGTH, readEnvelope } from './envelope.ts'
import { feedsOf } from './feeds.ts'
import type { NamedModel } from './scope.ts'
import type { Shelf, Times } from './shelf.ts'

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
  const options = { deadline: deadlineIn(context.requestTimeout), caller: request }
  const body = await readBytes(request, context.maxBody, options.deadline, ['gzip', 'deflate'])
  const started = Bun.nanoseconds()
  try {
    const given = { name, number: version.number, requestId, jsonLength: request.headers.get(HEADER_LENGTH) }
    const { hooks } = served
    const form = hooks ? withHooks(hooks, { grant, ...options }) : inferForm
    const answered = await context.scorer.form(form, version.scoring, version, { body, given }, options)
    const { headers, rows, times } = answered.head as unknown as Inferred
    const packing = Bun.nanoseconds()
    const rendered = await packed({ body: answered.body, headers }, request.headers.get('accept-encoding'))
    times.output += Bun.nanoseconds() - packing
    context.shelf.succeeded(key, version.number, rows, times)
    return rendered
  } catch (error) {
    context.shelf.failed(key, version.number, Bun.nanoseconds() - started)
    throw error
  }
}

interface Given {
  name: string
  number: number
  requestId: string
  jsonLength: string | null
}

interface Inferred extends Pick<Rendered, 'headers'> {
  rows: number
  times: Times
}

export const inferForm: Form<Given> = { formName: 'v2', answer: call => inferred(call) }

/** With the author's code, which is called from this process only: so all else of it is done here, too. */
const withHooks = (hooks: ModelHooks, call: HandlerCall): Form<Given> => ({
  answer: given => inferred({ ...given, room() {} }, { hooks, call }),
})

async function inferred(
  { body, given, model, deadline, score, room }: FormCall<Given>,
  own?: { hooks: ModelHooks; call: HandlerCall },
): Promise<Answered> {
  const started = Bun.nanoseconds()
  const { metadata, codec } = model
  const envelope = readEnvelope(body, given.jsonLength)
  if (own?.hooks.after)
    throw badRequest(
      'The answers of this model are made by code that gives no tensors: ask for predictions.',
      'no_tensors',
    )
  const sent = feedsOf(metadata, envelope.inputs)
  const { rows } = sent
  const outputs = outputsOf(metadata, envelope)
  own?.hooks.checkRoom(rows, codec.features)
  const named = model.checksRows || own ? namedRows(metadata, codec.features, sent.feeds, rows) : []
  if (model.checksRows) await model.check(named, 'rows', deadline)
  const prepared = await own?.hooks.prepared(named, own.call)
  // what only was checked goes on as it came: rows hold no infinities
  const feeds = prepared && prepared !== named ? codec.encode(prepared, 'rows') : sent.feeds
  const read = Bun.nanoseconds()
  const answers = await score(feeds, rows, computed(metadata, outputs))
  const scored = Bun.nanoseconds()
  const answer: Answer = {
    id: envelope.id ?? given.requestId,
    model: given.name,
    version: given.number,
    outputs: outputs.map(output => ({ ...output, tensor: answers[output.name]! })),
  }
  room(elementsInJson(answer))
  const rendered = render(answer)
  const times = { input: read - started, infer: scored - read, output: Bun.nanoseconds() - scored }
  return { head: { headers: rendered.headers, rows, times } satisfies Inferred, body: rendered.body }
}

/** What goes out, in the order of the request. @throws Fault 400 an output that the model does not have */
function outputsOf(metadata: ModelMetadata, { outputs, binary }: Envelope): { name: string; binary: boolean }[] {
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
function computed(metadata: ModelMetadata, wanted: readonly { name: string }[]): string[] | undefined {
  if (wanted.length === metadata.outputs.length) return undefined
  return metadata.outputs.map(output => output.name).filter(name => wanted.some(output => output.name === name))
}
