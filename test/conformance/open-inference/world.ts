/** What the suite runs on: one Callgate with a laboratory of small models, a public service and another project. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib'
import { stringifyLossless } from '../../../src/lib/json.ts'
import { mintSecret } from '../../../src/lib/secret.ts'
import { type Callgate, FIXTURES, startCallgate, type Target, temporaryFolder } from '../../harness.ts'
import * as models from './models.ts'

export const MAX_BODY = 256 * 1024

interface TensorIn {
  name: string
  datatype: string
  shape: number[]
  data?: unknown
  /** raw bytes, sent behind the JSON */
  raw?: Uint8Array
}
interface InferBody {
  id?: unknown
  inputs: TensorIn[]
  outputs?: unknown
  parameters?: unknown
}
interface Got {
  status: number
  headers: Headers
  bytes: Buffer
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any
  /** raw tensors of a binary answer by name */
  raw: Record<string, Buffer>
}

const FILES: Record<string, Uint8Array> = {
  every: models.everyType(),
  text: models.same('string', ['N']),
  image: models.same('uint8', ['N', 3, 2]),
  int64: models.negated('int64', ['N', 1]),
  open: models.negated('float', ['N', 'M']),
  deep: models.negated('float', ['N', 'M', 'K', 'L']),
  scalar: models.negated('double', []),
  fixed: models.negated('float', [3, 2]),
  centred: models.centred(),
  recurrent: models.recurrent(),
  joined: models.joined(),
  difference: models.difference(),
  inverse: models.inverse(),
  plus: models.plus(1),
  plus2: models.plus(2),
}
const IRIS = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']

export class World {
  readonly target: Target
  readonly keys = Object.fromEntries(
    ['lab', 'manager', 'limited', 'slow', 'other'].map(name => [name, mintSecret('dk')]),
  ) as Record<'lab' | 'manager' | 'limited' | 'slow' | 'other', string>
  server!: Callgate

  constructor(target: Target) {
    this.target = target
  }

  async start(): Promise<void> {
    const folder = temporaryFolder()
    const file = (name: string) => join(folder, `${name}.onnx`)
    for (const [name, bytes] of Object.entries(FILES)) writeFileSync(file(name), bytes)
    const model = (name: string, features?: string[], path = file(name)) => ({
      name,
      versions: [{ version: 1, file: path, ...(features ? { features } : {}) }],
    })
    const simple = Object.keys(FILES).filter(name => !name.startsWith('plus'))
    const endpoint = (id: string, more: object = {}) => ({ id, kind: 'model', model: id, ...more })
    const key = (name: keyof World['keys'], more: object = {}) => ({ name, secret_env: `KEY_${name}`, ...more })
    const range = { type: 'object', properties: { petal_length: { maximum: 10 } } }
    this.server = await startCallgate({
      target: this.target,
      flags: ['--max-body', String(MAX_BODY)],
      env: Object.fromEntries(Object.entries(this.keys).map(([name, secret]) => [`KEY_${name}`, secret])),
      manifest: {
        projects: [
          {
            slug: 'lab',
            models: [
              ...simple.map(name => model(name)),
              model('iris', IRIS, join(FIXTURES, 'models/iris.onnx')),
              model('churn', undefined, join(FIXTURES, 'models/churn_risk.onnx')),
              {
                name: 'plus',
                versions: [1, 2].map(version => ({ version, file: file(version === 1 ? 'plus' : 'plus2') })),
                active: 2,
              },
            ],
            services: [
              {
                key: 'bench',
                publish: true,
                endpoints: [
                  ...simple.map(id => endpoint(id)),
                  endpoint('churn'),
                  endpoint('plus'),
                  { id: 'pinned', kind: 'model', model: 'plus', version: 1 },
                  { id: 'checked', kind: 'model', model: 'iris', schema: range },
                  { id: 'bounded', kind: 'model', model: 'inverse', schema: { required: ['x'] } },
                  { id: 'seen', kind: 'model', model: 'inverse', check: { handler: 'export default () => {}' } },
                  { id: 'with space/slash', kind: 'model', model: 'plus' },
                  { id: 'twin', kind: 'model', model: 'plus' },
                ],
              },
              { key: 'spare', publish: true, endpoints: [{ id: 'twin', kind: 'model', model: 'plus', version: 1 }] },
              { key: 'garden', publish: true, public: true, endpoints: [endpoint('iris')] },
            ],
            keys: [
              key('lab'),
              key('manager', { manage_models: true }),
              key('limited', { allowed_endpoints: ['bench.plus'] }),
              key('slow', { rate_limit: 2 }),
            ],
          },
          { slug: 'elsewhere', keys: [key('other', { manage_models: true })] },
        ],
      },
    })
  }

  /** A call with the laboratory's key; `key: null` for none. */
  async call(
    path: string,
    init: {
      method?: string
      key?: string | null
      body?: string | Uint8Array
      headers?: Record<string, string>
      /** leaves the body as it came */
      packed?: boolean
    } = {},
  ): Promise<Got> {
    const { key = this.keys.lab, body, headers } = init
    const response = await fetch(this.server.url + path, {
      method: init.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { 'accept-encoding': 'identity', ...(key === null ? {} : { 'x-api-key': key }), ...headers },
      body: body as BodyInit | undefined,
      decompress: false,
    } as RequestInit)
    const encoding = response.headers.get('content-encoding')
    const received = Buffer.from(await response.arrayBuffer())
    const bytes = encoding === 'gzip' ? gunzipSync(received) : encoding === 'deflate' ? inflateSync(received) : received
    const length = response.headers.get('inference-header-content-length')
    let json: Got['json']
    try {
      json = JSON.parse(bytes.subarray(0, length === null ? undefined : Number(length)).toString())
    } catch {}
    const raw: Got['raw'] = {}
    let at = Number(length ?? 0)
    for (const { name, parameters } of length === null ? [] : json.outputs)
      if (parameters?.binary_data_size !== undefined) {
        raw[name] = bytes.subarray(at, at + parameters.binary_data_size)
        at += parameters.binary_data_size
      }
    return { status: response.status, headers: response.headers, bytes, json, raw }
  }

  post(path: string, body: unknown, key?: string | null): Promise<Got> {
    return this.call(path, { body: JSON.stringify(body), key })
  }

  /** An inference; inputs with `raw` go as binary tensors. */
  infer(
    model: string,
    body: InferBody,
    init: { key?: string | null; pack?: 'gzip' | 'deflate'; accept?: string; version?: number } = {},
  ): Promise<Got> {
    const { bytes, length } = encode(body)
    const packers = { gzip: gzipSync, deflate: deflateSync }
    return this.call(`/v2/models/${model}${init.version ? `/versions/${init.version}` : ''}/infer`, {
      key: init.key,
      body: init.pack ? packers[init.pack](bytes) : bytes,
      headers: {
        ...(length === undefined ? {} : { 'inference-header-content-length': String(length) }),
        ...(init.pack ? { 'content-encoding': init.pack } : {}),
        ...(init.accept ? { 'accept-encoding': init.accept } : {}),
      },
    })
  }
}

/** A request's bytes, and how long its JSON is where raw tensors follow. */
export function encode({ inputs, ...rest }: InferBody): { bytes: Buffer; length: number | undefined } {
  const raw = inputs.flatMap(input => input.raw ?? [])
  const json = Buffer.from(
    stringifyLossless({
      ...rest,
      inputs: inputs.map(({ raw: bytes, ...input }) =>
        bytes ? { ...input, parameters: { binary_data_size: bytes.length } } : input,
      ),
    }),
  )
  return { bytes: Buffer.concat([json, ...raw]), length: raw.length > 0 ? json.length : undefined }
}

/** BYTES elements as they lie in a binary tensor. */
export function bytesElements(...elements: (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    elements.flatMap(element => {
      const bytes = Buffer.from(element as string)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(bytes.length)
      return [length, bytes]
    }),
  )
}

export const f32 = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer)
