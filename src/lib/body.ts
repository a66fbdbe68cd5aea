import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'
import { badRequest, Fault } from './fault.ts'
import { Gathering } from './gathering.ts'
import { excessOf, MAX_DEPTH, parseLossless } from './json.ts'
import { Receiving } from './receiving.ts'
import { slices } from './slices.ts'

export const tooLarge = (limit: number) =>
  new Fault(413, 'body_too_large', `The body is larger than the limit of ${limit} bytes.`)

/** @throws Fault 413 when the announced length is over the limit: the first check, before anybody is asked who they are */
export function checkAnnouncedLength(headers: Headers, limit: number): void {
  const announced = headers.get('content-length')
  if (announced !== null && Number(announced) > limit) throw tooLarge(limit)
}

/** How a body may be compressed. */
export type Encoding = 'gzip' | 'deflate'

/**
 * A body's bytes, unpacked where it says so.
 * @param deadline milliseconds since the epoch, for all of it to have come
 * @param encodings what this door takes
 * @throws Fault 413 over the limit (before and after unpacking), 415 another encoding, 400 broken bytes or a body cut off; 408 it
 * did not come in time, 503 there was no room for it
 */
export function readBytes(
  request: Request,
  limit: number,
  deadline: number,
  encodings: readonly Encoding[] = ['gzip'],
): Promise<Uint8Array> {
  const encoding = request.headers.get('content-encoding')
  if (encoding === null) return received(request, limit, deadline)
  return unpacked(request, codingOf(encoding), { limit, deadline, encodings })
}

/** What a `Content-Encoding` names; `x-gzip` is another name of gzip (RFC 9110, 8.4.1.3). */
export function codingOf(header: string): string {
  const coding = header.trim().toLowerCase()
  return coding === 'x-gzip' ? 'gzip' : coding
}

function received(request: Request, limit: number, deadline: number): Promise<Uint8Array> {
  const announced = request.headers.get('content-length')
  const receiving = new Receiving(request, deadline)
  const receive = (): Promise<Uint8Array> => {
    if (announced === null) return collect(request.body, limit, receiving)
    const wait = receiving.room(Number(announced), Number(announced))
    return wait ? wait.then(() => request.bytes()) : request.bytes()
  }
  return receiving.run(receive).then(bytes => {
    if (bytes.length > limit) throw tooLarge(limit)
    return bytes
  }, cutOff)
}

function cutOff(error: unknown): never {
  if (error instanceof Fault) throw error
  throw badRequest('The body was cut off.', 'malformed_body')
}

async function unpacked(
  request: Request,
  encoding: string,
  { limit, deadline, encodings }: { limit: number; deadline: number; encodings: readonly Encoding[] },
): Promise<Uint8Array> {
  const plain = !encoding || encoding === 'identity'
  if (!plain && !encodings.includes(encoding as Encoding))
    throw new Fault(415, 'unsupported_encoding', `The content encoding must be ${encodings.join(', ')} or none.`)
  const bytes = await received(request, limit, deadline)
  if (plain) return bytes
  return unpack(bytes, encoding as Encoding, limit, {
    tooLarge: () => tooLarge(limit),
    malformed: () => badRequest(`The body is not valid ${encoding}.`, 'malformed_body'),
  })
}

/** Not on this thread: a large body would hold up everyone else. @throws Fault as `faults` say */
export async function unpack(
  bytes: Uint8Array,
  encoding: Encoding | 'br',
  limit: number,
  faults: { tooLarge: () => Fault; malformed: (cause: unknown) => Fault },
): Promise<Buffer> {
  const deflated = hasZlibHeader(bytes) ? inflate : inflateRaw
  const way = { gzip: gunzip, deflate: deflated, br: brotliDecompress }[encoding]
  try {
    return await promisify(way as typeof gunzip)(bytes, { maxOutputLength: limit })
  } catch (error) {
    throw (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' ? faults.tooLarge() : faults.malformed(error)
  }
}

/** `deflate` means zlib's format (RFC 9110, 8.4.1.2), and some clients send the bare stream all the same. */
const hasZlibHeader = (bytes: Uint8Array) =>
  bytes.length > 1 && (bytes[0]! & 15) === 8 && ((bytes[0]! << 8) | bytes[1]!) % 31 === 0

/**
 * A stream's bytes, given up as soon as they pass the limit. They may come one at a time: others are served meanwhile, and they
 * take no more memory than together.
 */
async function collect(
  stream: ReadableStream<Uint8Array> | null,
  limit: number,
  receiving: Receiving,
): Promise<Uint8Array> {
  const gathered = new Gathering()
  const others = slices()
  for await (const chunk of stream ?? []) {
    if (receiving.over) break
    gathered.push(chunk)
    if (gathered.length > limit) throw tooLarge(limit)
    const wait = receiving.room(gathered.length, limit)
    if (wait) await wait
    const turn = others()
    if (turn) await turn
  }
  return gathered.take()
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * @param parse `JSON.parse` where nothing that is read of it is an integer beyond 2^53
 * @throws Fault 400 what is not JSON in UTF-8; nothing of it is repeated
 */
export function parseJson(bytes: Uint8Array, parse: (text: string) => unknown = parseLossless): unknown {
  try {
    return parse(decoder.decode(bytes))
  } catch {
    throw notJson(new TextDecoder().decode(bytes.subarray(0, LOOKED_AT)))
  }
}

/**
 * The same of a body that may be anything.
 * @param mostValues that it may hold beside one another: a million names take a second to read
 * @throws Fault 400 also where it nests deeper than anything a request here needs; 413
 */
export function parseBody(bytes: Uint8Array, mostValues = Number.POSITIVE_INFINITY): unknown {
  const text = new TextDecoder().decode(bytes)
  const excess = excessOf(text, MAX_DEPTH, mostValues)
  if (excess === 'depth') throw badRequest(`The body nests deeper than ${MAX_DEPTH} levels.`, 'malformed_body')
  if (excess === 'values')
    throw new Fault(413, 'body_too_large', `The body holds more than the limit of ${mostValues} values.`)
  return parseJson(bytes)
}

/** As Python writes a number that is missing or infinite. */
const NOT_A_NUMBER = /[[:,]\s*-?(?:NaN|Infinity)\b/
/** Bytes of a body in which that is looked for. */
const LOOKED_AT = 1024 * 1024

/** Nothing of the body is repeated. */
export const notJson = (text = ''): Fault => {
  const why = NOT_A_NUMBER.test(text) ? ': it has no NaN and no Infinity, only null' : ''
  return badRequest(`The body is not valid JSON in UTF-8${why}.`, 'malformed_body')
}

/** Whether a content type is JSON, or a form of it (`application/merge-patch+json`). */
export const isJsonType = (type: string): boolean =>
  type === 'application/json' || /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)

/** @throws Fault 415 a content type that is given and is not JSON */
export function checkJsonType(headers: Headers): void {
  const type = headers.get('content-type')
  if (type === null || isJsonType(type)) return
  throw new Fault(415, 'unsupported_media_type', 'The content type must be application/json.')
}
