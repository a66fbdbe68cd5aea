import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { InferenceSession } from 'onnxruntime-node'
import { ELEMENT_TYPES, type ElementType, type ModelMetadata, type TensorSpec } from '../catalog/tensor.ts'
import { Fault } from '../lib/fault.ts'
import { type FoundClassifier, findClassifier } from './onnx/labels.ts'
import { type OnnxModel, readModel } from './onnx/read.ts'
import { needsRewriting, runnable, zipMapOutputs } from './onnx/rewrite.ts'
import { type Probe, type ProbeSubject, probeRows, stacks } from './probe.ts'
import { openSession, type Runtime } from './session.ts'

/** The names of a model's files in its directory: as it was given, and what runs where that had to be rewritten. */
export const GIVEN_FILE = 'model.onnx'
export const RUNNABLE_FILE = 'runnable.onnx'

export interface InspectRequest {
  directory: string
  /** false: score nothing; then no rows are proven independent. */
  probe: boolean
}

const refuse = (message: string, cause?: unknown) => new Fault(422, 'model_unusable', message, { cause })

/**
 * Reads `model.onnx` in a directory, writes `runnable.onnx` beside it where the graph has to be rewritten, and tells what
 * the model takes and gives. Meant for a throw-away child: the file may be hostile and may bring the process down.
 * @throws Fault 422 `model_unusable` with the reason, in the runtime's words where it was the runtime that refused
 */
export async function inspectFile(runtime: Runtime, request: InspectRequest, threads: number): Promise<ModelMetadata> {
  const bytes = await Bun.file(join(request.directory, GIVEN_FILE)).bytes()
  const { model, zipMaps, classifier, rewritten } = readGraph(bytes)
  const path = join(request.directory, rewritten ? RUNNABLE_FILE : GIVEN_FILE)
  if (rewritten) await writeFile(path, runnable(bytes, model), { mode: 0o600, flush: true })
  const session = await openSession(runtime, path, threads)
  const subject: ProbeSubject = {
    inputs: session.inputMetadata.map(entry => spec(entry, 'input')),
    outputs: session.outputMetadata.map(entry => {
      const output = spec(entry, 'output')
      // its type was left out of the file, and the runtime may not find its dimensions
      return zipMaps.has(output.name) && output.dims.length === 0 ? { ...output, dims: [null, null] } : output
    }),
    ranked: new Set(model.outputs.filter(({ name, ranked }) => ranked || zipMaps.has(name)).map(output => output.name)),
    symbols: symbolsOf(session),
    operators: model.operators,
  }
  if (subject.inputs.length === 0 || subject.outputs.length === 0)
    throw refuse('The model has no inputs or no outputs.')
  const unproven: Probe = { batched: stacks(subject), independentRows: false, dims: {} }
  const probe = request.probe ? await probeRows(runtime, session, subject) : unproven
  const outputs = subject.outputs.map(output => ({ ...output, dims: probe.dims[output.name] ?? output.dims }))
  const settled = settle(classifier, outputs)
  const scores = outputs.find(output => output.name === settled?.probabilities)
  if (scores && settled) scores.dims = [scores.dims[0] ?? null, settled.labels.length]
  return {
    inputs: subject.inputs,
    outputs,
    batched: probe.batched,
    independentRows: probe.independentRows,
    classifier: settled,
    rewritten,
  }
}

function readGraph(bytes: Uint8Array): {
  model: OnnxModel
  zipMaps: Set<string>
  classifier?: FoundClassifier
  rewritten: boolean
} {
  let model: OnnxModel
  let zipMaps: Set<string>
  let classifier: FoundClassifier | undefined
  let rewritten: boolean
  try {
    model = readModel(bytes)
    zipMaps = zipMapOutputs(model)
    classifier = findClassifier(model)
    rewritten = needsRewriting(model)
  } catch (error) {
    throw refuse('The file is not an ONNX model, or it is damaged.', error)
  }
  if (model.externalData)
    throw refuse(
      'The model keeps its weights in other files; save it as one file (torch.onnx.export: external_data=False; any other: onnx.save(onnx.load(path), "one.onnx")).',
    )
  for (const { name, kind } of model.outputs)
    if ((kind === 'sequence' || kind === 'map') && !zipMaps.has(name))
      throw refuse(
        `The output ${quoted(name)} is a ${kind}; only tensors are served. Export the model with tensor outputs (skl2onnx: options={'zipmap': False}), or without this one (select_model_inputs_outputs).`,
      )
  return { model, zipMaps, classifier, rewritten }
}

function spec(entry: InferenceSession.ValueMetadata, side: 'input' | 'output'): TensorSpec {
  // names become keys of objects
  if (entry.name === '' || entry.name === '__proto__') throw refuse(`An ${side} has a name that is not served.`)
  if (!entry.isTensor) throw refuse(`The ${side} ${quoted(entry.name)} is not a tensor; export the model with tensors.`)
  if (!ELEMENT_TYPES.includes(entry.type as ElementType))
    throw refuse(`The ${side} ${quoted(entry.name)} has the element type ${entry.type}, which is not served.`)
  const dims = entry.shape.map(dim => (typeof dim === 'number' ? dim : null))
  return { name: entry.name, type: entry.type as ElementType, dims }
}

function symbolsOf(session: InferenceSession): Record<string, string[]> {
  const symbols: Record<string, string[]> = {}
  for (const entry of session.inputMetadata)
    if (entry.isTensor) symbols[entry.name] = entry.shape.map(dim => (typeof dim === 'string' ? dim : ''))
  return symbols
}

/** What was found in the graph, held against what the session says: labels must be as many as there are columns. */
function settle(found: FoundClassifier | undefined, outputs: TensorSpec[]): ModelMetadata['classifier'] {
  const label = outputs.find(output => output.name === found?.label)
  if (!found || !label || !['int64', 'int32', 'string'].includes(label.type)) return undefined
  const scores = outputs.find(output => output.name === found.probabilities)
  const columns = scores?.dims.length === 2 ? scores.dims[1] : undefined
  const labels =
    found.labels === 'index' ? Array.from({ length: columns ?? 0 }, (_, i) => String(i)) : (found.labels ?? [])
  const fits = scores !== undefined && labels.length > 0 && (columns === labels.length || columns === null)
  if (new Set(labels).size !== labels.length) return { label: label.name, labels: [] }
  return fits ? { label: label.name, probabilities: scores.name, labels } : { label: label.name, labels }
}

const quoted = (name: string) => `"${name.slice(0, 100)}"`
