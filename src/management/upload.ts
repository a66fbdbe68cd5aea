import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy } from '@fastify/busboy'
import { tooLarge } from '../lib/body.ts'
import { badRequest, Fault, toFault, unprocessable } from '../lib/fault.ts'
import type { ManagementContext } from './context.ts'

interface Upload {
  /** the file as it was received, on disk */
  path: string
  /** its name on the sender's side, without folders */
  fileName: string
  fields: Record<string, string>
}

const MAX_FIELD_BYTES = 1024 * 1024
const MAX_PARTS = 60

/**
 * Receives a multipart upload with one file (the field `file`), streamed to disk in constant memory, hands it to `use`, and
 * removes it afterwards.
 * @throws Fault 413 over --max-upload; 415 not multipart, or compressed as a whole; 400 malformed or cut off; 422 no file
 */
export async function receiveUpload<T>(
  context: ManagementContext,
  request: Request,
  use: (upload: Upload) => Promise<T>,
): Promise<T> {
  const limit = context.config.maxUpload
  if (Number(request.headers.get('content-length') ?? 0) > limit + MAX_FIELD_BYTES) throw tooLarge(limit)
  const type = request.headers.get('content-type') ?? ''
  if (!/^multipart\/form-data\s*;.*boundary=/i.test(type))
    throw new Fault(415, 'unsupported_media_type', 'An upload is multipart/form-data.')
  if (!/^(identity)?$/i.test(request.headers.get('content-encoding')?.trim() ?? ''))
    throw new Fault(
      415,
      'unsupported_encoding',
      'An upload has no Content-Encoding; a csv file may be compressed itself, as .csv.gz.',
    )
  const path = join(context.uploadsDir, randomUUID())
  try {
    return await use(await receive(request, type, path, limit))
  } finally {
    await rm(path, { force: true })
  }
}

/** @throws Fault 400 a boundary that is none */
function parserOf(type: string, limit: number): InstanceType<typeof Busboy> {
  const limits = { fileSize: limit, fields: 50, fieldSize: MAX_FIELD_BYTES, parts: MAX_PARTS }
  try {
    return new Busboy({ headers: { 'content-type': type }, limits })
  } catch {
    throw badRequest('The upload has no boundary that can be used.', 'malformed_body')
  }
}

async function receive(request: Request, type: string, path: string, limit: number): Promise<Upload> {
  if (!request.body) throw unprocessable('The upload is empty.')
  const fields: Record<string, string> = Object.create(null)
  let file: { name: string; written: Promise<void>; end: () => Promise<void> } | undefined
  let refusal: Fault | undefined
  const busboy = parserOf(type, limit)
  busboy.on('file', (field, stream, name) => {
    if (file) {
      refusal ??= unprocessable('An upload holds one file.')
      stream.resume()
      return
    }
    if (field !== 'file') refusal ??= unprocessable('The file is sent in the field named file.')
    stream.on('limit', () => {
      refusal ??= tooLarge(limit)
    })
    const target = createWriteStream(path, { mode: 0o600 })
    const closed = new Promise<void>(resolve => target.once('close', resolve))
    const written = pipeline(stream, target)
    // busboy would wait for ever for a part that nobody reads on: what stopped the writing ends the reading too
    written.catch(error => {
      if ((error as NodeJS.ErrnoException).syscall) refusal ??= toFault(error)
      busboy.destroy(error)
    })
    // a part whose rest does not come ends by itself no more than it is written: the file would stay open, and on the disk
    const end = () => {
      target.destroy()
      return closed
    }
    file = { name: (name ?? '').replace(/^.*[\\/]/, ''), written, end }
  })
  busboy.on('field', (name, value, _nameTruncated, valueTruncated) => {
    if (valueTruncated) refusal ??= unprocessable('A field of the upload is too long.')
    fields[name] = value
  })
  busboy.on('partsLimit', () => {
    refusal ??= unprocessable(`An upload has ${MAX_PARTS} parts at most.`)
    busboy.destroy(refusal)
  })
  try {
    await pipeline(Readable.fromWeb(request.body as never), busboy)
    await file?.written
  } catch (error) {
    throw (
      refusal ??
      Object.assign(badRequest('The upload is malformed or was cut off.', 'malformed_body'), { cause: error })
    )
  } finally {
    await file?.end()
  }
  if (refusal) throw refusal
  if (!file)
    throw unprocessable(
      fields.file === undefined ? 'The upload has no file.' : 'The part file is text: a file has a filename.',
    )
  return { path, fileName: file.name, fields }
}
