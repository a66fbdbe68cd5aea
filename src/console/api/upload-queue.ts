/** Files that are chosen, looked over and then sent, one after the other. */
import { randomId } from '@mantine/hooks'
import { useCallback, useEffect, useRef, useState } from 'react'

export interface UploadItem<Fields, Result> {
  id: string
  file: File
  fields: Fields
  state: 'chosen' | 'waiting' | 'sending' | 'working' | 'done' | 'failed'
  /** 0 to 1, of what is sent */
  share: number
  error?: unknown
  result?: Result
}

export interface Sending<Fields> {
  id: string
  file: File
  fields: Fields
  onProgress: (share: number) => void
  signal: AbortSignal
}

export type UploadQueue<Fields, Result> = ReturnType<typeof useUploadQueue<Fields, Result>>

/** What one is sent with is up to `send`; `proposed` says what the fields of a chosen file are before somebody edits them. */
export function useUploadQueue<Fields, Result>(
  proposed: (file: File) => Fields,
  send: (sending: Sending<Fields>) => Promise<Result>,
) {
  const [items, setItems] = useState<UploadItem<Fields, Result>[]>([])
  const latest = useRef({ items, send })
  latest.current = { items, send }
  const running = useRef<{ id: string; stop: AbortController } | undefined>(undefined)

  const change = useCallback((id: string, changed: Partial<UploadItem<Fields, Result>>) => {
    setItems(before => before.map(item => (item.id === id ? { ...item, ...changed } : item)))
  }, [])

  // begins the next one whenever one has ended or was started
  useEffect(() => {
    const next = items.find(item => item.state === 'waiting')
    if (!next || running.current) return
    const { id, file, fields } = next
    const stop = new AbortController()
    running.current = { id, stop }
    change(id, { state: 'sending', share: 0, error: undefined })
    const onProgress = (share: number) => change(id, share < 1 ? { share } : { share, state: 'working' })
    latest.current
      .send({ id, file, fields, onProgress, signal: stop.signal })
      .then(
        result => ({ state: 'done', result }) as const,
        (error: unknown) => ({ state: stop.signal.aborted ? 'chosen' : 'failed', error }) as const,
      )
      .then(end => {
        running.current = undefined
        change(id, end)
      })
  }, [items, change])

  useEffect(() => () => running.current?.stop.abort(), [])

  return {
    items,
    /** something is sent or waits for it */
    busy: items.some(({ state }) => state === 'waiting' || state === 'sending' || state === 'working'),
    add: (files: File[]) =>
      setItems(before => [
        ...before,
        ...files.map(file => ({
          id: randomId('upload-'),
          file,
          fields: proposed(file),
          state: 'chosen' as const,
          share: 0,
        })),
      ]),
    edit: (id: string, fields: Fields) => change(id, { fields }),
    /** Takes one away; one under way is given up and stays, to be tried again. */
    remove: (id: string) => {
      if (running.current?.id === id) running.current.stop.abort()
      else setItems(before => before.filter(item => item.id !== id))
    },
    start: (wanted: (item: UploadItem<Fields, Result>) => boolean = () => true) =>
      setItems(before =>
        before.map(item =>
          (item.state === 'chosen' || item.state === 'failed') && wanted(item) ? { ...item, state: 'waiting' } : item,
        ),
      ),
  }
}
