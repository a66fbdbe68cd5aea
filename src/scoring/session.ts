import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { ElementType } from '../catalog/tensor.ts'
import { Fault } from '../lib/fault.ts'
import { checkFits } from './answer-size.ts'
import { bytesOf, type Tensor, type TensorData, type Tensors } from './tensors.ts'

export type Runtime = typeof import('onnxruntime-node')

/** The runtime as this process uses it: quiet, and with float16 as bits. Call it before any other tensor is made. */
export async function prepareRuntime(load: () => Promise<Runtime>): Promise<Runtime> {
  const runtime = await load()
  runtime.env.logLevel = 'fatal'
  // Bun's Node-API reports a Float16Array as empty. The runtime decides once, with its first tensor, how it keeps float16:
  // where there is no Float16Array, as a Uint16Array.
  const global = globalThis as { Float16Array?: unknown }
  const { Float16Array } = global
  delete global.Float16Array
  try {
    new runtime.Tensor('float16', new Uint16Array(1), [1])
  } finally {
    Object.defineProperty(global, 'Float16Array', { value: Float16Array, writable: true, configurable: true })
  }
  return runtime
}

/** One session's settings: no more threads than it was given, and nothing written to stderr. */
const sessionOptions = (threads: number): InferenceSession.SessionOptions => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
  executionProviders: ['cpu'],
})

/**
 * Loads a model file.
 * @throws Fault 422 `model_unusable` with the runtime's reason, which is about the file and nothing else
 */
export async function openSession(runtime: Runtime, path: string, threads: number): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(path, sessionOptions(threads))
  } catch (error) {
    throw new Fault(422, 'model_unusable', `The model cannot be loaded: ${reason(error, path)}`, { cause: error })
  }
}

/**
 * Scores one set of tensors; only the named outputs, or all.
 * @throws Fault 422 `model_refused`: the runtime could not score these values. Its cause says which node failed, for the log;
 * what the runtime said of the values is cut off, since logs hold no row values. 422 `answer_too_large`
 */
export async function run(
  runtime: Runtime,
  session: InferenceSession,
  feeds: Tensors,
  outputs?: readonly string[],
): Promise<Tensors> {
  const given: Record<string, OrtTensor> = {}
  for (const name in feeds) {
    const { type, data, dims } = feeds[name]!
    given[name] = new runtime.Tensor(type as 'float32', data as Float32Array, dims)
  }
  const answer = await (outputs ? session.run(given, outputs as string[]) : session.run(given)).catch(error => {
    const cause = new Error(reason(textOf(error).split('Status Message:')[0]))
    throw new Fault(422, 'model_refused', 'The model could not score these values.', { cause })
  })
  const tensors: Tensors = {}
  for (const name in answer) tensors[name] = plain(answer[name] as OrtTensor)
  checkFits(bytesOf(tensors))
  return tensors
}

const plain = (tensor: OrtTensor): Tensor => ({
  type: tensor.type as ElementType,
  dims: [...tensor.dims],
  data: tensor.data as TensorData,
})

/** Element types that Node's binding of the runtime does not know, by their numbers in ONNX. */
const UNKNOWN_TYPES: Record<string, string> = {
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
}
/** Where the runtime's source says it, and in which of its functions: in front of what it says. */
const SPEAKER =
  /(?:\/[\w.+@$-]+){2,}:\d+ [^()]*\((?:[^()]|\([^()]*\))*\)(?:::<lambda\([^()]*\)>)?(?: const)?(?: \[with [^\]]*\])?/g

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
/** Characters of the runtime's text; names that a file gives may be of any length. */
const MOST_READ = 4000

/** The runtime's text without paths of this machine and names of its functions, on one line, at most 500 characters. */
export function reason(error: unknown, path = ''): string {
  return textOf(error)
    .slice(0, MOST_READ)
    .replaceAll(path || '\0', 'the file')
    .replace(
      /^Unsupported data type: (\d+)$/,
      (_, type: string) =>
        `an input or output has the element type ${UNKNOWN_TYPES[type] ?? type}, which is not served`,
    )
    .replace(SPEAKER, '')
    .replace(/(?:\/[\w.+@$-]+){2,}(?::\d+)?/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 500)
}
