import { type Dataset, openProposals, refreshedDatasets } from '../catalog/datasets.ts'
import { intervalOf } from '../catalog/refresh.ts'
import { SYSTEM } from '../catalog/store.ts'
import { toFault } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import type { ManagementContext } from './context.ts'
import { formOf, readAgain } from './refresh.ts'

/** How often files are looked at. A file is read when it was the same at two looks in a row: nobody is writing it. */
const LOOK_MS = 500
/** What failed through no fault of the file is tried again after this. */
const RETRY_MS = 60_000

/**
 * Reads datasets' files again by the rules in the catalog, which it asks at every look, so that nobody has to tell it of
 * changes. It looks and is not told by the file system: that works on mounts of every kind, and for files that are renamed
 * into place.
 */
export class Refresher {
  #context: ManagementContext
  #stopping = new AbortController()
  #looking: Promise<void> = Promise.resolve()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** dataset id -> its reading */
  #reading = new Map<number, Promise<void>>()
  /** dataset id -> the form of its file at the last look */
  #forms = new Map<number, string>()

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
    await this.#looking
    await Promise.all(this.#reading.values())
  }

  async #look(): Promise<void> {
    try {
      const datasets = refreshedDatasets(this.#context.db)
      for (const id of this.#forms.keys()) if (!datasets.some(d => d.id === id)) this.#forms.delete(id)
      for (const dataset of datasets) {
        if (this.#reading.has(dataset.id) || !(await this.#isDue(dataset))) continue
        if (this.#stopping.signal.aborted) return
        this.#reading.set(
          dataset.id,
          this.#read(dataset).finally(() => this.#reading.delete(dataset.id)),
        )
      }
    } catch (error) {
      log.warn(errorFields(error), 'the rules for reading files again could not be followed')
    }
  }

  async #isDue(dataset: Dataset): Promise<boolean> {
    const { id, refresh, refreshState, updatedAt } = dataset
    const since = Date.now() - Date.parse(refreshState?.at ?? updatedAt)
    const interval = intervalOf(refresh)
    if (interval !== undefined) return since >= interval
    if (refreshState?.outcome === 'failed' && refreshState.seen === undefined && since < RETRY_MS) return false
    const form = await formOf(dataset)
    if (form === undefined) return false
    const before = this.#forms.get(id)
    this.#forms.set(id, form)
    return form !== refreshState?.seen && form === before
  }

  async #read(dataset: Dataset): Promise<void> {
    const { name, projectId } = dataset
    try {
      const { dataset: now, refreshed } = await readAgain(this.#context, SYSTEM, dataset, this.#stopping.signal)
      if (!refreshed) return
      const { generation, rowCount } = now
      log.info({ dataset: name, projectId, generation, rows: rowCount }, 'a changed file was read again')
      const proposals = openProposals(now)
      if (proposals) log.info({ dataset: name, projectId }, proposals)
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      const { status, message } = toFault(error)
      const { stack, ...brief } = errorFields(error)
      log.warn(
        { dataset: name, projectId, ...brief, ...(status < 500 ? {} : { stack }) },
        `a file could not be read again, and the rows of before are still served: ${message}`,
      )
    }
  }
}
