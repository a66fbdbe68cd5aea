import { type Dataset, openProposals, refreshedDatasets } from '../catalog/datasets.ts'
import { intervalOf } from '../catalog/refresh.ts'
import { BY_RULE } from '../catalog/store.ts'
import { toFault } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import type { ManagementContext } from './context.ts'
import { formOf, readAgain } from './refresh.ts'

/** How often files are looked at. A file is read when it was the same at two looks in a row: nobody is writing it. */
const LOOK_MS = 500
/** What failed through no fault of the file is tried again after this. */
const RETRY_MS = 60_000
/** The form of a file that could not be looked at: reading it tells why. */
const UNKNOWN = 'unknown'

/**
 * Reads datasets' files again by the rules in the catalog, which it asks at every look, so that nobody has to tell it of
 * changes. It looks and is not told by the file system: that works on mounts of every kind, and for files that are renamed
 * into place.
 */
export class Refresher {
  #context: ManagementContext
  #stopping = new AbortController()
  #looking: Promise<void> = Promise.resolve()
  /** looks at what could not be looked at the last time: each may take seconds, and the others are not to wait for it */
  #aside: Promise<void> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** dataset id -> its reading */
  #reading = new Map<number, Promise<void>>()
  /** dataset id -> the form of its file at the last look */
  #forms = new Map<number, string>()
  /**
   * dataset id -> when it was read last (as performance.now()), and in which form its file was: also where the catalog could not be
   * told
   */
  #tried = new Map<number, { at: number; form: string | undefined }>()

  constructor(context: ManagementContext) {
    this.#context = context
  }

  start(): void {
    if (this.#stopping.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => this.start())
    }, LOOK_MS)
  }

  /** Resolves when nothing is being read any more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await Promise.all([this.#looking, this.#aside])
    await Promise.all(this.#reading.values())
  }

  async #look(): Promise<void> {
    try {
      const datasets = refreshedDatasets(this.#context.db)
      for (const known of [this.#forms, this.#tried])
        for (const id of known.keys()) if (!datasets.some(d => d.id === id)) known.delete(id)
      const isUnknown = ({ id }: Dataset) => this.#forms.get(id) === UNKNOWN
      const unknown = datasets.filter(isUnknown)
      if (unknown.length > 0)
        this.#aside ??= this.#follow(unknown)
          .catch(notFollowed)
          .finally(() => (this.#aside = undefined))
      await this.#follow(datasets.filter(dataset => !unknown.includes(dataset)))
    } catch (error) {
      notFollowed(error)
    }
  }

  async #follow(datasets: Dataset[]): Promise<void> {
    for (const dataset of datasets) {
      if (this.#stopping.signal.aborted) return
      if (this.#reading.has(dataset.id) || !(await this.#isDue(dataset))) continue
      if (this.#stopping.signal.aborted) return
      this.#reading.set(
        dataset.id,
        this.#read(dataset).finally(() => this.#reading.delete(dataset.id)),
      )
    }
  }

  async #isDue(dataset: Dataset): Promise<boolean> {
    const { id, refresh, refreshState, updatedAt } = dataset
    const tried = this.#tried.get(id)
    const interval = intervalOf(refresh)
    if (interval !== undefined) {
      const noted = Date.now() - Date.parse(refreshState?.at ?? updatedAt)
      const read = tried ? performance.now() - tried.at : Number.POSITIVE_INFINITY
      // what was noted in days to come, by a clock that was ahead, says nothing
      return Math.min(noted < 0 ? Number.POSITIVE_INFINITY : noted, read) >= interval
    }
    const form = await formOf(this.#context, dataset).catch(() => UNKNOWN)
    const before = this.#forms.get(id)
    if (form === undefined) return false
    this.#forms.set(id, form)
    const justTried = tried?.form === form && performance.now() - tried.at < RETRY_MS
    return form !== refreshState?.seen && form === before && !justTried
  }

  async #read(dataset: Dataset): Promise<void> {
    const { id, name, projectId } = dataset
    this.#tried.set(id, { at: performance.now(), form: this.#forms.get(id) })
    try {
      const { dataset: now, refreshed } = await readAgain(this.#context, BY_RULE, dataset, this.#stopping.signal)
      if (!refreshed) return
      const { generation, rowCount } = now
      log.info({ dataset: name, projectId, generation, rows: rowCount }, 'a changed file was read again')
      const proposals = openProposals(now)
      if (proposals) log.info({ dataset: name, projectId }, proposals)
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      const { status, message } = toFault(error)
      // what the file is to blame for is said without its values, which DuckDB's own words hold
      log.warn(
        { dataset: name, projectId, ...(status < 500 ? { error: message } : errorFields(error)) },
        `a file could not be read again, and the rows of before are still served: ${message}`,
      )
    }
  }
}

const notFollowed = (error: unknown) =>
  log.warn(errorFields(error), 'the rules for reading files again could not be followed')
