let pieces: (() => void)[] = []

/**
 * Does work when this turn of the event loop ends, with what else was asked for in it, one right after the other: the
 * processor's caches then hold one kind of work at a time. (Of look-ups between the requests' own work, each takes four times as
 * long.) In the order in which it was asked for.
 * @throws what the work throws
 */
export function together<T>(work: () => T): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    atOnce(() => {
      try {
        resolve(work())
      } catch (error) {
        reject(error)
      }
    })
  })
}

/** The same for work that nobody waits for. What it throws is nobody's, and does not keep the rest from being done. */
export function atOnce(work: () => void): void {
  pieces.push(work)
  if (pieces.length === 1) setImmediate(run)
}

function run(): void {
  const now = pieces
  pieces = []
  let done = 0
  try {
    while (done < now.length) now[done++]!()
  } finally {
    if (done < now.length) {
      pieces = [...now.slice(done), ...pieces]
      setImmediate(run)
    }
  }
}
