const BLOCK_BYTES = 16 * 1024

/**
 * Bytes that gather. They are copied into blocks: many small pieces take no more than twice their bytes, and what they were
 * a part of is not held.
 */
export class Gathering {
  length = 0
  /** the last has room behind its bytes */
  #blocks: Buffer[] = []
  /** bytes in the last block */
  #used = 0

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.length += bytes.length
    const last = this.#blocks.at(-1)
    if (last && bytes.length <= last.length - this.#used) {
      last.set(bytes, this.#used)
      this.#used += bytes.length
      return
    }
    this.#trim()
    const block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, bytes.length))
    block.set(bytes)
    this.#blocks.push(block)
    this.#used = bytes.length
  }

  /** Of those that came first some, in one piece; undefined: there are none. */
  get first(): Buffer | undefined {
    const { 0: first, length } = this.#blocks
    return length === 1 ? first!.subarray(0, this.#used) : first
  }

  /** So many bytes of `first` are done with. */
  skip(bytes: number): void {
    this.length -= bytes
    const only = this.#blocks.length === 1
    if (bytes === (only ? this.#used : this.#blocks[0]!.length)) this.#blocks.shift()
    else {
      this.#blocks[0] = this.#blocks[0]!.subarray(bytes)
      if (only) this.#used -= bytes
    }
  }

  /** All of it, in one piece; then there is none. */
  take(): Buffer {
    this.#trim()
    const all = Buffer.concat(this.#blocks)
    this.length = 0
    this.#blocks = []
    return all
  }

  #trim(): void {
    const last = this.#blocks.length - 1
    if (last >= 0) this.#blocks[last] = this.#blocks[last]!.subarray(0, this.#used)
  }
}
