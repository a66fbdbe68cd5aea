import { useEffect, useState } from 'react'
import { connectionLost, onComeback } from '../../api/connection.ts'
import { Problem, refusalOf, send } from '../../api/http.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { eventsOf } from './event-stream.ts'
import { gapAt, type LogLine, lineOf } from './log-lines.ts'

/** The newest so many are kept in a tab, and asked for. */
const MOST_KEPT = 5000
const ASKED_FOR = 2000
/** What comes meanwhile is shown together. */
const FLUSH_EVERY_MS = 100
/** The server gives a sign of life every 15 seconds. */
const SILENT_FOR_MS = 40_000
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 10_000

export type LogState = 'connecting' | 'live' | 'lost'

export interface FollowedLog {
  /** undefined until the first answer */
  lines: readonly LogLine[] | undefined
  state: LogState
  /** why nothing comes any more */
  problem: Problem | undefined
}

/** A log as it is written: goes on where it was when the connection was lost, or the tab hidden. */
export function useLog(path: string): FollowedLog {
  const [lines, setLines] = useState<readonly LogLine[]>()
  const [state, setState] = useState<LogState>('connecting')
  const [problem, setProblem] = useState<Problem>()

  useEffect(() => {
    const stop = new AbortController()
    let kept: LogLine[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    let count = 0
    const flush = () => {
      timer = undefined
      setLines(kept)
    }
    const add = (more: LogLine[]) => {
      kept = [...kept, ...more].slice(-MOST_KEPT)
      timer ??= setTimeout(flush, FLUSH_EVERY_MS)
    }
    setLines(undefined)
    setProblem(undefined)
    void follow(path, stop.signal, {
      onLines: raw => add(raw.map(text => lineOf(++count, text))),
      onGap: () => add([gapAt(++count, t.gap)]),
      onState: setState,
    }).catch(error => {
      if (error instanceof Problem && !stop.signal.aborted) setProblem(error)
    })
    return () => {
      stop.abort()
      clearTimeout(timer)
    }
  }, [path])

  return { lines, state, problem }
}

interface Listener {
  onLines: (lines: string[]) => void
  onGap: () => void
  onState: (state: LogState) => void
}

/** @throws Problem the log is refused: it is not asked for again */
async function follow(path: string, signal: AbortSignal, { onLines, onGap, onState }: Listener): Promise<void> {
  let last: string | undefined
  let wait = FIRST_WAIT_MS
  while (!signal.aborted) {
    await untilSeen(signal)
    const leave = new AbortController()
    const hidden = () => document.hidden && leave.abort()
    document.addEventListener('visibilitychange', hidden)
    let silence: ReturnType<typeof setTimeout> | undefined
    try {
      const response = await send(`${path}?lines=${ASKED_FOR}`, {
        headers: { accept: 'text/event-stream', ...(last === undefined ? {} : { 'last-event-id': last }) },
        signal: AbortSignal.any([signal, leave.signal]),
      })
      if (!response.ok || !response.body) throw refusalOf(response.status, await response.json().catch(() => ({})))
      for await (const event of eventsOf(response.body)) {
        clearTimeout(silence)
        silence = setTimeout(() => leave.abort(), SILENT_FOR_MS)
        if (!event) continue
        if (event.kind === 'gap') onGap()
        else onLines(JSON.parse(event.data) as string[])
        last = event.id ?? last
        wait = FIRST_WAIT_MS
        onState('live')
      }
      // the server ends it when one may read it no longer, and says so when it is asked again
      continue
    } catch (error) {
      if (signal.aborted || document.hidden) continue
      // without a session it is asked for again: somebody may sign in, here or in another tab
      if (error instanceof Problem && error.status < 500 && error.status !== 401) throw error
      onState('lost')
      if (!(error instanceof Problem) && !leave.signal.aborted) connectionLost()
    } finally {
      clearTimeout(silence)
      document.removeEventListener('visibilitychange', hidden)
    }
    await untilBack(wait, signal)
    wait = Math.min(LONGEST_WAIT_MS, wait * 2)
  }
}

/** Until the tab is looked at. */
function untilSeen(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve()
  return new Promise(resolve => {
    const done = () => {
      document.removeEventListener('visibilitychange', done)
      resolve()
    }
    document.addEventListener('visibilitychange', done)
    signal.addEventListener('abort', done, { once: true })
  })
}

/** Until the server is reached again, or some time has passed. */
function untilBack(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      forget()
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    const forget = onComeback(done)
    signal.addEventListener('abort', done, { once: true })
  })
}
