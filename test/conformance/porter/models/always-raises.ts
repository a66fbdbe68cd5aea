/** Makes `always_raises.onnx` beside it, a model that loads and fails whenever it is run: it looks far behind the end of a list. */
import { join } from 'node:path'
import { buildModel } from '../../../scoring/onnx-builder.ts'

await Bun.write(
  join(import.meta.dir, 'always_raises.onnx'),
  buildModel({
    inputs: [{ name: 'input', type: 'int64', dims: ['N', 1] }],
    outputs: [{ name: 'output', type: 'float', dims: ['N', 1] }],
    initializers: [
      { name: 'list', type: 'float', dims: [1], values: [0] },
      { name: 'far', type: 'int64', dims: [1], values: [2 ** 40] },
    ],
    nodes: [
      { op: 'Add', inputs: ['input', 'far'], outputs: ['place'] },
      { op: 'Gather', inputs: ['list', 'place'], outputs: ['output'] },
    ],
  }),
)
