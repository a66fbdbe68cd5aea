import { accessSync, constants, statSync } from 'node:fs'

/** Whether there is a file, and this process may read it. */
export function mayRead(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
