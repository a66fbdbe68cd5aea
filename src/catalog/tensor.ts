/** What is known of a model's inputs and outputs: read from the runtime's session when the model is added. */
export const ELEMENT_TYPES = [
  'float16',
  'bfloat16',
  'float32',
  'float64',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
  'string',
] as const
export type ElementType = (typeof ELEMENT_TYPES)[number]

export interface TensorSpec {
  name: string
  type: ElementType
  /** null: dynamic. The first dimension is the batch where `batched`. */
  dims: (number | null)[]
}

export interface ModelMetadata {
  inputs: TensorSpec[]
  outputs: TensorSpec[]
  /** Whether the first dimension of every input and output is a dynamic batch. */
  batched: boolean
  /**
   * Whether a row's answer is the same whatever rows it is scored with: proven when the model was added, by scoring probe
   * rows alone and together. Only such models are batched across callers.
   */
  independentRows: boolean
  /** A classifier: which output is the label and which the probabilities, and the class labels in the columns' order. */
  classifier?: { label: string; probabilities?: string; labels: string[] }
  /** Whether the graph that runs is not the file as it was given (a ZipMap rewritten). */
  rewritten: boolean
}
