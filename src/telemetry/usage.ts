/** Counts calls in memory, minute by minute, until somebody takes the counts and writes them. */
import { BUCKETS, bucketOf } from './latency.ts'

/** Who called, where it is no key with an id. */
export const PUBLIC = 0
/** No key, or one that nobody has: refused. */
export const UNKNOWN = -1
/** Keys beyond those that are told apart in one minute. */
export const OTHERS = -2

/** Different combinations of place, key and status that are told apart at a time; keys beyond are counted together. */
export const MOST_CELLS = 10_000

/** What is called. An empty text: none, e.g. a list of models is no endpoint's. */
interface PlaceNames {
  /** 0: nobody's, as nobody's key asked for nothing that there is */
  projectId: number
  service: string
  endpoint: string
  deployment: string
}

/** What is called, with its counts of now: kept by whoever counts, so that nothing is looked up by name. */
export class Place {
  readonly names: PlaceNames
  generation = -1
  readonly cells = new Map<number, Cell>()

  constructor(names: PlaceNames) {
    this.names = names
  }
}

/** Calls of one place in one minute, by one key, with one status. */
export interface Cell {
  place: PlaceNames
  /** its first second, since the epoch */
  minute: number
  /** a key's id, or PUBLIC, UNKNOWN, OTHERS */
  keyId: number
  /** as `statusClass` has it */
  status: number
  calls: number
  /** how long they took; of refusals (4xx) that is not kept, as they say nothing of how quick a place is */
  latency: Uint32Array | undefined
}

/** Statuses that are told apart: 304 and all errors. Else 100, 200 or 300 stand for their hundred; what is no status is 500. */
export function statusClass(status: number): number {
  if (status >= 400 && status <= 599) return status
  if (status === 304) return 304
  if (status >= 100 && status < 400) return status - (status % 100)
  return 500
}

export class UsageCounter {
  #minute = 0
  #generation = 0
  /** those that were called in this generation: what was taken is not held by them any longer */
  #places: Place[] = []
  #cells: Cell[] = []
  #taken: Cell[] = []

  /** @param ms how long it took. @param now milliseconds since the epoch */
  count(place: Place, keyId: number, status: number, ms: number, now: number): void {
    const minute = Math.floor(now / 60_000)
    if (minute !== this.#minute) this.#begin(minute)
    if (place.generation !== this.#generation) {
      place.generation = this.#generation
      this.#places.push(place)
    }
    const cell = place.cells.get(keyId * 1000 + status) ?? this.#open(place, keyId, status)
    cell.calls++
    if (cell.latency) cell.latency[bucketOf(ms)]!++
  }

  /** @returns what was counted and not taken yet; it is whoever takes it who has it now */
  take(): Cell[] {
    this.#begin(this.#minute)
    const taken = this.#taken
    this.#taken = []
    return taken
  }

  #begin(minute: number): void {
    this.#minute = minute
    this.#generation++
    for (const place of this.#places) place.cells.clear()
    this.#places = []
    this.#taken = this.#taken.length === 0 ? this.#cells : this.#taken.concat(this.#cells)
    this.#cells = []
  }

  #open(place: Place, keyId: number, given: number): Cell {
    const status = statusClass(given)
    const known = this.#cells.length < MOST_CELLS || keyId <= 0
    const id = (known ? keyId : OTHERS) * 1000 + status
    let cell = place.cells.get(id)
    if (!cell) {
      const latency = status >= 400 && status < 500 ? undefined : new Uint32Array(BUCKETS)
      cell = { place: place.names, minute: this.#minute * 60, keyId: known ? keyId : OTHERS, status, calls: 0, latency }
      place.cells.set(id, cell)
      this.#cells.push(cell)
    }
    // found at once the next time, under what it was asked for
    if (known) place.cells.set(keyId * 1000 + given, cell)
    return cell
  }
}
