/** What the protocol says of a model: metadata, and Triton's configuration. */
import type { TensorSpec } from '../../catalog/tensor.ts'
import type { ServedModel, ServedVersion } from '../../endpoints/endpoint.ts'
import { configuredTypeOf, datatypeOf } from './datatypes.ts'

const PLATFORM = 'onnxruntime_onnx'
/** Rows that go into one run of the model; a larger request is taken too, and scored in parts. */
const BATCH = 512

const shapeOf = (dims: TensorSpec['dims']) => dims.map(dim => dim ?? -1)
const tensor = ({ name, type, dims }: TensorSpec) => ({ name, datatype: datatypeOf(type), shape: shapeOf(dims) })

/** The versions that can be asked for, as the protocol writes them, lowest first. */
export const versionsOf = (model: ServedModel): string[] => model.versions.numbers.map(String)

export const metadataOf = (name: string, versions: string[], { metadata }: ServedVersion) => ({
  name,
  versions,
  platform: PLATFORM,
  inputs: metadata.inputs.map(tensor),
  outputs: metadata.outputs.map(tensor),
})

/** Where rows stack, `dims` are those of one row, as Triton writes them. */
export function configOf(name: string, { metadata }: ServedVersion) {
  const { batched, inputs, outputs } = metadata
  const configured = ({ name, type, dims }: TensorSpec) => ({
    name,
    data_type: configuredTypeOf(type),
    dims: shapeOf(batched ? dims.slice(1) : dims),
  })
  return {
    name,
    platform: PLATFORM,
    backend: 'onnxruntime',
    version_policy: { all: {} },
    max_batch_size: batched ? BATCH : 0,
    input: inputs.map(configured),
    output: outputs.map(configured),
    instance_group: [{ kind: 'KIND_CPU', count: 1 }],
    default_model_filename: 'model.onnx',
  }
}
