import type { Engine, EngineMemory } from './engine.ts'
import { mark } from './marks.ts'
import { Stopped } from './stopped.ts'

/** An engine's memory: numbers and texts that go into it, and come out. */
export class Memory {
  readonly #engine: Engine
  bytes = Buffer.alloc(0) as EngineMemory
  #words = new Uint32Array()
  /** a place for the length of a text */
  length = 0

  constructor(engine: Engine) {
    this.#engine = engine
    this.look()
  }

  /** After anything that may have made it grow. */
  look(): void {
    const { buffer } = this.#engine.memory
    if (this.bytes.buffer === buffer) return
    this.bytes = Buffer.from(buffer) as EngineMemory
    this.#words = new Uint32Array(buffer)
  }

  /** For what is written from this side. */
  mark(at: number, length: number): void {
    this.look()
    mark(this.bytes, at, length)
  }

  word(at: number): number {
    return this.#words[at >> 2]!
  }

  setWords(at: number, values: readonly number[]): void {
    for (let i = 0; i < values.length; i++) this.#words[(at >> 2) + i] = values[i]!
    this.mark(at, values.length * 4)
  }

  /** UTF-8 with a zero behind it, where the engine can read it. */
  write(text: string): { at: number; length: number } {
    const length = Buffer.byteLength(text)
    const at = this.#engine.wasm_malloc(length + 1)
    if (at === 0) throw new Stopped('memory')
    this.look()
    this.bytes.utf8Write(text, at, length)
    this.bytes[at + length] = 0
    this.mark(at, length + 1)
    return { at, length }
  }

  newString(text: string): number {
    const { at, length } = this.write(text)
    const value = this.#engine.qjs_new_string(at, length)
    this.#engine.wasm_free(at)
    this.look()
    if (this.#engine.qjs_is_exception(value)) throw new Stopped('memory')
    return value
  }

  /** @param most bytes. @returns undefined: there are more */
  text(value: number, most: number, cut = false): string | undefined {
    const engine = this.#engine
    const at = engine.qjs_get_string_len(value, this.length)
    this.look()
    if (at === 0) throw new Stopped('memory')
    const length = this.word(this.length)
    const text = length > most && !cut ? undefined : this.bytes.utf8Slice(at, at + Math.min(length, most))
    engine.qjs_free_cstring(at)
    return cut && length > most ? `${text} ...` : text
  }
}
