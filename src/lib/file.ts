import { accessSync, closeSync, constants, fsyncSync, openSync, type Stats, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { machineTrouble } from './fault.ts'

/** Whether there is a file, and this process may read it. */
export function mayRead(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** undefined: there is nothing, or nothing that can be reached, as behind a link to itself. @throws what the machine lacks */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (machineTrouble(error)) throw error
    return undefined
  }
}

/** Returns when a file, or a folder's list of files, is on the disk. */
export function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The same of a folder, while others go on. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
