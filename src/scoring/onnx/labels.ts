import { attributeInteger, attributeIntegers, attributeStrings, tensorDims, tensorLabels } from './attributes.ts'
import type { OnnxModel, OnnxNode } from './read.ts'

/** A classifier found in the graph: which graph outputs are its label and its probabilities, and the labels of the columns. */
export interface FoundClassifier {
  label?: string
  probabilities?: string
  /** In the order of the probabilities' columns; `'index'`: a label is the number of its column; undefined: not known. */
  labels?: string[] | 'index'
}

const ML = 'ai.onnx.ml'
const CLASSIFIERS = new Set(['LinearClassifier', 'TreeEnsembleClassifier', 'SVMClassifier'])
/** Nodes that change neither the order of columns nor which class a label stands for. */
const TRANSPARENT = new Set(['Identity', 'Cast', 'Normalizer', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'ZipMap'])
const MAX_HOPS = 8

/**
 * Finds the classifier behind the outputs by walking back from each of them. Where the walk does not end at something that
 * certainly names the classes, `labels` stays undefined: no probabilities object is better than one with wrong names.
 */
export function findClassifier(model: OnnxModel): FoundClassifier | undefined {
  const producers = new Map<string, OnnxNode>()
  for (const node of model.nodes) {
    const meant = isScaling(node, model) ? { ...node, opType: 'Identity' } : node
    for (const output of node.outputs) if (output) producers.set(output, meant)
  }
  const ends = model.outputs.map(output => ({ output, ...walk(output.name, producers) }))
  for (const { output, zipmap } of ends) {
    if (!zipmap) continue
    const others = ends.filter(end => end.output !== output && !end.zipmap && end.output.kind === 'tensor')
    const label = others.find(end => isLabelSource(end)) ?? (others.length === 1 ? others[0] : undefined)
    return { label: label?.output.name, probabilities: output.name, labels: classLabels(zipmap) }
  }
  for (const end of ends) {
    const { node, tensor, output } = end
    if (node && CLASSIFIERS.has(node.opType) && node.domain === ML && node.outputs[0] === tensor) {
      const scores = ends.find(other => other.node === node && other.tensor === node.outputs[1])
      return { label: output.name, probabilities: scores?.output.name, labels: classLabels(node) }
    }
    if (!node || !isLabelSource(end)) continue
    const { argMax, labels } = chosen(node, model, producers)
    if (!argMax || !overColumns(argMax)) continue
    const compared = walk(argMax.inputs[0] ?? '', producers)
    const scores = ends.find(other => other !== end && givesShares(other, compared, labels === 'index', producers))
    if (scores) return { label: output.name, probabilities: scores.output.name, labels }
  }
  return undefined
}

/** One factor for all columns; LightGBM's converter multiplies the probabilities by 1 where it writes no ZipMap. */
function isScaling({ opType, domain, inputs }: OnnxNode, { initializers }: OnnxModel): boolean {
  const factor = initializers.get(inputs[1] ?? '')
  return opType === 'Mul' && domain === '' && factor !== undefined && tensorDims(factor).every(dim => dim === '1')
}

interface Walk {
  /** The node that makes the tensor; undefined: the walk ended at an input or an initializer. */
  node?: OnnxNode
  /** That tensor's name at the node. */
  tensor: string
  /** Every name that the value had on the way. */
  passed: Set<string>
  zipmap?: OnnxNode
}

/** From a tensor back through nodes that leave its meaning alone. */
function walk(name: string, producers: Map<string, OnnxNode>): Walk {
  const passed = new Set([name])
  let zipmap: OnnxNode | undefined
  let node = producers.get(name)
  for (let hop = 0; node && hop < MAX_HOPS && TRANSPARENT.has(node.opType); hop++) {
    if (node.opType === 'ZipMap') zipmap = node
    name = node.inputs[0] ?? ''
    passed.add(name)
    node = producers.get(name)
  }
  return { node, tensor: name, passed, zipmap }
}

const isLabelSource = ({ node, tensor }: Walk) =>
  node !== undefined &&
  (node.opType === 'ArrayFeatureExtractor' ||
    node.opType === 'ArgMax' ||
    (node.domain === ML && CLASSIFIERS.has(node.opType) && node.outputs[0] === tensor))

/** `ArgMax(scores)` itself, or `ArrayFeatureExtractor(labels, ArgMax(scores))`, as scikit-learn's converters write it. */
function chosen(
  node: OnnxNode,
  model: OnnxModel,
  producers: Map<string, OnnxNode>,
): { argMax?: OnnxNode; labels?: string[] | 'index' } {
  if (node.opType === 'ArgMax') return { argMax: node, labels: 'index' }
  if (node.opType !== 'ArrayFeatureExtractor') return {}
  const table = model.initializers.get(walk(node.inputs[0] ?? '', producers).tensor)
  const index = walk(node.inputs[1] ?? '', producers).node
  if (!table || index?.opType !== 'ArgMax') return {}
  return { argMax: index, labels: tensorLabels(table) }
}

const overColumns = (node: OnnxNode) => ['1', '-1'].includes(attributeInteger(node.attributes.get('axis')) ?? '')

/**
 * Whether an output holds the numbers that ArgMax compared, or their softmax. A network's bare logits are no
 * probabilities, so where the label is only an index, a softmax is asked for.
 */
function givesShares(output: Walk, compared: Walk, softmaxed: boolean, producers: Map<string, OnnxNode>): boolean {
  const meets = (one: Walk) => [...one.passed].some(name => compared.passed.has(name))
  const isSoftmax = output.node?.opType === 'Softmax'
  if (meets(output)) return !softmaxed || isSoftmax
  return isSoftmax && meets(walk(output.node?.inputs[0] ?? '', producers))
}

function classLabels(node: OnnxNode): string[] | undefined {
  for (const name of ['classlabels_strings', 'classlabels_int64s', 'classlabels_ints']) {
    const attribute = node.attributes.get(name)
    const labels = name === 'classlabels_strings' ? attributeStrings(attribute) : attributeIntegers(attribute)
    if (labels.length) return labels
  }
  return undefined
}
