/** What is wrong with a handler, and where: lines and columns are counted from 1. */
export interface HandlerError {
  name: string
  message: string
  line?: number
  column?: number
  /** the handler's own frames */
  stack?: string
}

/** What a guest failed with (`e{...}`), for its author: only its own frames, and the place of the first. */
export function handlerError(failure: string): HandlerError {
  const { name, message, stack } = JSON.parse(failure.slice(1)) as { name: string; message: string; stack: string }
  const frames = stack
    .split('\n')
    .filter(frame => frame.includes('handler.ts'))
    .map(frame => frame.trim())
  const [, line, column] = /handler\.ts:(\d+)(?::(\d+))?/.exec(frames[0] ?? '') ?? []
  return {
    name,
    message,
    ...(line ? { line: Number(line) } : {}),
    ...(column ? { column: Number(column) } : {}),
    ...(frames.length > 0 ? { stack: frames.join('\n') } : {}),
  }
}
