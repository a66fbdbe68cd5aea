import type { LocalReads } from '../engine.ts'
import type { StoredValue } from '../values.ts'
import type { StoredRow } from './render.ts'
import { selectRow } from './statements.ts'
import type { TableStore, WriteRequest, Written } from './store.ts'
import type { WriteView } from './view.ts'
import type { Writer } from './writer.ts'

/** A table of the embedded store. Its file may be an immutable one, that is only read. */
export class LiveTable implements TableStore {
  #file: string
  #reads: LocalReads
  #writer: Writer

  constructor(file: string, reads: LocalReads, writer: Writer) {
    this.#file = file
    this.#reads = reads
    this.#writer = writer
  }

  find(view: WriteView, key: StoredValue[]): StoredRow | undefined {
    const { sql, values } = selectRow(view, key)
    const [row] = this.#reads.all({ sql, sources: [this.#file], bigints: true, names: [] }, values)
    return row as StoredRow | undefined
  }

  write(request: WriteRequest): Promise<Written> {
    return this.#writer.submit(this.#file, request)
  }
}
