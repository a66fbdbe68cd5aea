/** The request's envelope: its JSON part, checked, and the raw bytes that follow it. What the model takes is asked later. */
import { parseJson } from '../../lib/body.ts'
import { badRequest, Fault } from '../../lib/fault.ts'
import { isObject } from '../../lib/json.ts'

export const HEADER_LENGTH = 'inference-header-content-length'

/** One input as it was sent: `data` from the JSON, or its bytes. */
export interface GivenTensor {
  name: string
  shape: number[]
  datatype: string
  data: unknown
  bytes: Uint8Array | undefined
}

interface WantedOutput {
  name: string
  binary: boolean
}

export interface Envelope {
  id: string | undefined
  inputs: GivenTensor[]
  /** In the order of the request; undefined: all of them. */
  outputs: WantedOutput[] | undefined
  /** Whether outputs that do not say go out as raw bytes. */
  binary: boolean
}

type Json = Record<string, unknown>

const bad = (message: string): Fault => badRequest(message, 'bad_infer_request')

/**
 * @param jsonLength what the header says of it
 * @throws Fault 400
 */
export function readEnvelope(body: Uint8Array, jsonLength: string | null): Envelope {
  const length = headerLength(jsonLength, body.length)
  const json = jsonOf(body, length)
  if (!isObject(json)) throw bad('The body must be a JSON object with a list of inputs.')
  const { id, inputs, outputs } = json
  if (id !== undefined && id !== null && typeof id !== 'string') throw bad('id must be a string.')
  const parameters = parametersOf(json, 'The request')
  if (!Array.isArray(inputs)) throw bad('inputs must be a list of tensors.')
  if (outputs !== undefined && outputs !== null && !Array.isArray(outputs)) throw bad('outputs must be a list.')
  const binary = flag(parameters.binary_data_output, 'binary_data_output') ?? false
  const wanted = (outputs as unknown[] | undefined | null)?.map((output, i) => wantedOutput(output, i, binary)) ?? []
  if (new Set(wanted.map(output => output.name)).size < wanted.length) throw bad('An output is asked for twice.')
  return {
    id: typeof id === 'string' && id !== '' ? id : undefined,
    inputs: givenTensors(inputs, body.subarray(length)),
    outputs: wanted.length > 0 ? wanted : undefined,
    binary,
  }
}

/** How much of the body is JSON: all of it, or what the header says. */
function headerLength(text: string | null, total: number): number {
  if (text === null) return total
  if (!/^\d{1,15}$/.test(text) || Number(text) > total)
    throw bad('Inference-Header-Content-Length must be the length of the JSON at the beginning of the body.')
  return Number(text)
}

/** tritonclient leaves its length in the headers that it was given, where it is that of the call before. @throws Fault 400 */
function jsonOf(body: Uint8Array, length: number): unknown {
  try {
    return parseJson(body.subarray(0, length))
  } catch (error) {
    if (length === body.length || !(error instanceof Fault)) throw error
    throw bad(`${error.message} Inference-Header-Content-Length says that ${length} bytes of it are JSON.`)
  }
}

function givenTensors(inputs: unknown[], raw: Uint8Array): GivenTensor[] {
  let at = 0
  const names = new Set<string>()
  const tensors = inputs.map((input, i): GivenTensor => {
    const where = `inputs[${i}]`
    if (!isObject(input)) throw bad(`${where} must be an object.`)
    const { name, shape, datatype, data } = input
    if (typeof name !== 'string') throw bad(`${where} must have a name.`)
    if (names.has(name)) throw bad(`${where} has the name of another input.`)
    names.add(name)
    if (typeof datatype !== 'string') throw bad(`${where} must have a datatype.`)
    if (!Array.isArray(shape) || !shape.every(dim => Number.isSafeInteger(dim) && dim >= 0))
      throw bad(`${where} must have a shape: a list of integers that are not negative.`)
    const parameters = parametersOf(input, where)
    refuseSharedMemory(parameters, where)
    const size = parameters.binary_data_size
    if (size === undefined || size === null) {
      if (data === undefined || data === null) throw bad(`${where} must have data, or a binary_data_size.`)
      return { name, shape, datatype, data, bytes: undefined }
    }
    if (data !== undefined && data !== null) throw bad(`${where} has both data and a binary_data_size.`)
    if (!Number.isSafeInteger(size) || (size as number) < 0) throw bad(`${where} has a binary_data_size that is none.`)
    const end = at + (size as number)
    if (end > raw.length) throw bad(`The body ends before the binary data of ${where} does.`)
    const bytes = raw.subarray(at, end)
    at = end
    return { name, shape, datatype, data: undefined, bytes }
  })
  if (at !== raw.length) throw bad('The body has more binary data than the inputs say.')
  return tensors
}

function wantedOutput(output: unknown, index: number, binary: boolean): WantedOutput {
  const where = `outputs[${index}]`
  if (!isObject(output) || typeof output.name !== 'string') throw bad(`${where} must be an object with a name.`)
  const parameters = parametersOf(output, where)
  refuseSharedMemory(parameters, where)
  if (parameters.classification) throw bad(`${where}: the classification extension is not part of this server.`)
  return { name: output.name, binary: flag(parameters.binary_data, 'binary_data') ?? binary }
}

function parametersOf(of: Json, where: string): Json {
  const { parameters } = of
  if (parameters === undefined || parameters === null) return {}
  if (!isObject(parameters)) throw bad(`${where}: parameters must be an object.`)
  return parameters
}

function flag(value: unknown, name: string): boolean | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'boolean') throw bad(`${name} must be true or false.`)
  return value
}

function refuseSharedMemory(parameters: Json, where: string): void {
  if (Object.hasOwn(parameters, 'shared_memory_region'))
    throw bad(`${where}: the shared memory extensions are not part of this server.`)
}
