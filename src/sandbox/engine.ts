/** The JavaScript engine: QuickJS in WebAssembly, metered; as much of it as is used. */
import wasm from 'quickjs-wasi/quickjs.wasm' with { type: 'file' }
import { metered } from './meter.ts'

/** The exports of the engine that are used; a value is a pointer to one that the engine holds. */
export interface Engine {
  memory: WebAssembly.Memory
  __stack_pointer: WebAssembly.Global<'i32'>
  _initialize(): void
  wasm_malloc(size: number): number
  wasm_free(at: number): void
  qjs_init2(intrinsics: number): number
  qjs_set_memory_limit(bytes: number): void
  qjs_set_max_stack_size(bytes: number): void
  qjs_set_gc_threshold(bytes: number): void
  qjs_set_promise_rejection_handler(enable: number): void
  qjs_eval(code: number, length: number, filename: number, flags: number): number
  qjs_call(fn: number, self: number, count: number, values: number): number
  qjs_new_string(at: number, length: number): number
  qjs_new_number(value: number): number
  qjs_new_host_function(name: number, length: number, count: number): number
  qjs_get_undefined(): number
  qjs_get_true(): number
  qjs_get_false(): number
  qjs_get_float64(value: number): number
  qjs_get_string_len(value: number, length: number): number
  qjs_free_cstring(at: number): void
  qjs_free_value(value: number): void
  qjs_is_exception(value: number): number
  qjs_is_string(value: number): number
  qjs_get_exception(): number
  qjs_promise_state(value: number): number
  qjs_promise_result(value: number): number
  qjs_is_job_pending(): number
  qjs_execute_pending_job(): number
}

/** These take no views and no copies, which small texts would cost more than themselves. */
export interface EngineMemory extends Buffer<ArrayBuffer> {
  utf8Write(text: string, at: number, room: number): number
  utf8Slice(from: number, to: number): string
  latin1Slice(from: number, to: number): string
}

const EXPORTS = new Set<keyof Engine>([
  'memory',
  '__stack_pointer',
  '_initialize',
  'wasm_malloc',
  'wasm_free',
  'qjs_init2',
  'qjs_set_memory_limit',
  'qjs_set_max_stack_size',
  'qjs_set_gc_threshold',
  'qjs_set_promise_rejection_handler',
  'qjs_eval',
  'qjs_call',
  'qjs_new_string',
  'qjs_new_number',
  'qjs_new_host_function',
  'qjs_get_undefined',
  'qjs_get_true',
  'qjs_get_false',
  'qjs_get_float64',
  'qjs_get_string_len',
  'qjs_free_cstring',
  'qjs_free_value',
  'qjs_is_exception',
  'qjs_is_string',
  'qjs_get_exception',
  'qjs_promise_state',
  'qjs_promise_result',
  'qjs_is_job_pending',
  'qjs_execute_pending_job',
])

let compiled: WebAssembly.Module | undefined
/** Compiled once in a process. */
export async function engineModule(): Promise<WebAssembly.Module> {
  const file = await Bun.file(wasm).bytes()
  // in the executable it is compressed
  const bytes = file[0] === 0 ? file : await Bun.zstdDecompress(file)
  compiled ??= new WebAssembly.Module(metered(bytes, { interrupt: 'host_interrupt', exports: EXPORTS }))
  return compiled
}

/** What an engine calls on this side. */
interface Host {
  /** while it runs, at most some 10 microseconds apart; it may throw */
  interrupt(): void
  call(name: number, length: number, self: number, count: number, values: number): number
  rejected(promise: number, reason: number, handled: number): void
  /** its memory was written to from here */
  wrote(at: number, length: number): void
}

/** An engine with memory of its own, and nothing else but the time and chance. */
export function startEngine(module: WebAssembly.Module, { interrupt, call, rejected, wrote }: Host): Engine {
  const failed = () => 52 // ENOSYS: no files
  const { exports } = new WebAssembly.Instance(module, {
    env: {
      host_interrupt: () => {
        interrupt()
        return 0
      },
      host_call: call,
      host_promise_rejection: rejected,
      host_module_normalize: () => 0,
      host_module_load: () => 0,
      host_get_timezone_offset: () => 0,
    },
    wasi_snapshot_preview1: {
      clock_time_get: (_clock: number, _precision: bigint, at: number) => {
        new DataView(engine.memory.buffer).setBigUint64(at, BigInt(Date.now()) * 1_000_000n, true)
        wrote(at, 8)
        return 0
      },
      random_get: (at: number, length: number) => {
        crypto.getRandomValues(new Uint8Array(engine.memory.buffer, at, length))
        wrote(at, length)
        return 0
      },
      fd_close: failed,
      fd_fdstat_get: failed,
      fd_seek: failed,
      fd_write: failed,
    },
  })
  const engine = exports as unknown as Engine
  return engine
}
