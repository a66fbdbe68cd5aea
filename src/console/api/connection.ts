/** Whether the server is reached. When it was lost it is asked for again until it is there. */
import { useSyncExternalStore } from 'react'

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 8000

let lost = false
let timer: ReturnType<typeof setTimeout> | undefined
const listeners = new Set<() => void>()
const comebacks = new Set<() => void>()

export function connectionLost(): void {
  if (lost) return
  lost = true
  tell()
  waitFor(FIRST_WAIT_MS)
}

export function connectionBack(): void {
  if (!lost) return
  lost = false
  clearTimeout(timer)
  tell()
  for (const back of comebacks) back()
}

/** `back` runs each time that the server is reached again. @returns takes it away */
export function onComeback(back: () => void): () => void {
  comebacks.add(back)
  return () => comebacks.delete(back)
}

/** Whether the server answers now. */
export const isReached = (): Promise<boolean> =>
  fetch('/-/alive', { cache: 'no-store' }).then(
    answer => answer.ok,
    () => false,
  )

export const useConnectionLost = (): boolean =>
  useSyncExternalStore(
    listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => lost,
  )

function waitFor(milliseconds: number): void {
  timer = setTimeout(async () => {
    if (await isReached()) connectionBack()
    else if (lost) waitFor(Math.min(LONGEST_WAIT_MS, milliseconds * 2))
  }, milliseconds)
}

function tell(): void {
  for (const listener of listeners) listener()
}
