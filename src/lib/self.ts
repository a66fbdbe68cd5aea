/** How to start this program again: the executable itself, or Bun with the entry file when run from source. */
const compiled = import.meta.path.startsWith('/$bunfs/') || import.meta.path.startsWith('B:\\~BUN\\')

export function selfCommand(...args: string[]): string[] {
  return compiled ? [process.execPath, ...args] : [process.execPath, entry(), ...args]
}

const entry = () => new URL('../main.ts', import.meta.url).pathname
