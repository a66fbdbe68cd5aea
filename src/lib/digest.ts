import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/**
 * The SHA-256 of a file's bytes, in hex; read as a stream, so that a large file takes no memory.
 * @param onChunk called for each part that was read
 */
export async function sha256Of(path: string, onChunk?: () => void): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
    hash.update(chunk as Uint8Array)
    onChunk?.()
  }
  return hash.digest('hex')
}

/** The SHA-256 of a text in UTF-8, in hex. */
export const sha256OfText = (text: string): string => new Bun.CryptoHasher('sha256').update(text).digest('hex')
