/** Renders what a model answered: JSON, or JSON with raw tensors behind it, packed as the caller takes it. */
import { promisify } from 'node:util'
import { deflate, deflateSync, gzip, gzipSync } from 'node:zlib'
import type { Encoding } from '../../lib/body.ts'
import { checkFitsJson } from '../../scoring/answer-size.ts'
import type { Tensor } from '../../scoring/tensors.ts'
import { datatypeOf } from './datatypes.ts'
import { toBinary, toJson } from './elements.ts'
import { HEADER_LENGTH } from './envelope.ts'

export interface Answer {
  id: string
  model: string
  version: number
  /** In the order in which they go out. */
  outputs: { name: string; tensor: Tensor; binary: boolean }[]
}

export interface Rendered {
  body: string | Uint8Array
  headers: Record<string, string>
}

export const elementsInJson = ({ outputs }: Answer): number =>
  outputs.reduce((sum, { tensor, binary }) => sum + (binary ? 0 : tensor.data.length), 0)

/** @throws Fault 422 too much for JSON */
export function render(answer: Answer): Rendered {
  const { id, model, version, outputs } = answer
  checkFitsJson(elementsInJson(answer))
  const blobs: Uint8Array[] = []
  const parts = outputs.map(({ name, tensor, binary }) => {
    const head = `"name":${JSON.stringify(name)},"datatype":"${datatypeOf(tensor.type)}","shape":[${tensor.dims}]`
    if (!binary) return `{${head},"data":${toJson(tensor)}}`
    const bytes = toBinary(tensor)
    blobs.push(bytes)
    return `{${head},"parameters":{"binary_data_size":${bytes.length}}}`
  })
  const named = `"id":${JSON.stringify(id)},"model_name":${JSON.stringify(model)},"model_version":"${version}"`
  const text = `{${named},"outputs":[${parts.join(',')}]}`
  if (blobs.length === 0) return { body: text, headers: { 'content-type': 'application/json' } }
  const json = Buffer.from(text)
  return {
    body: Buffer.concat([json, ...blobs]),
    headers: { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(json.length) },
  }
}

/** Above it, packing is done off this thread. */
const LARGE = 64 * 1024
const packers = {
  gzip: [promisify(gzip), gzipSync],
  deflate: [promisify(deflate), deflateSync],
} as const

/** Packs an answer where the caller asked for it; the length in the header stays that of the JSON before packing. */
export async function packed(answer: Rendered, accepts: string | null): Promise<Rendered> {
  const encoding = preferred(accepts)
  // the answer's own Vary takes the place of the edge's, which is about the origin
  const headers = { ...answer.headers, vary: 'Accept-Encoding, Origin' }
  if (!encoding) return { body: answer.body, headers }
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body
  const [off, here] = packers[encoding]
  const body = bytes.length > LARGE ? await off(bytes, { level: 1 }) : here(bytes, { level: 1 })
  return { body, headers: { ...headers, 'content-encoding': encoding } }
}

/** Of `Accept-Encoding` (RFC 9110, 12.5.3): what has the highest weight, gzip first where they are equal. */
function preferred(accepts: string | null): Encoding | undefined {
  if (!accepts) return undefined
  const weights = new Map<string, number>()
  for (const part of accepts.toLowerCase().split(',')) {
    const [coding, ...parameters] = part.split(';').map(piece => piece.trim())
    const q = parameters.find(parameter => parameter.startsWith('q='))
    weights.set(coding!, q === undefined ? 1 : Number(q.slice(2)) || 0)
  }
  const weight = (coding: string) => weights.get(coding) ?? weights.get('*') ?? 0
  const [gzipped, deflated] = [weight('gzip'), weight('deflate')]
  if (Math.max(gzipped, deflated, 0) === 0) return undefined
  return gzipped >= deflated ? 'gzip' : 'deflate'
}
