/** The entry of `callgate worker write`: the one process that changes live files, one batch of a file at a time. */
import { Fault } from '../../lib/fault.ts'
import { serveParent } from '../../workers/serve.ts'
import { damaged } from '../damage.ts'
import type { Write } from './apply.ts'
import { readForDatabase } from './database/read.ts'
import type { Batch, Making } from './job.ts'
import { LiveStore } from './live-store.ts'
import { makeLive, settleLive } from './make-live.ts'
import type { WriteView } from './view.ts'

serveParent(({ secret }: { secret: Uint8Array }) => {
  const stores = new Map<string, LiveStore>()
  const storeOf = (file: string) => {
    let store = stores.get(file)
    if (!store) {
      store = new LiveStore(file, secret)
      stores.set(file, store)
    }
    return store
  }
  const close = (file: string) => {
    const store = stores.get(file)
    stores.delete(file)
    store?.close()
  }
  return {
    state: ({ file }: { file: string }) => onDisk(file, () => storeOf(file).state()),
    write: (batch: Batch) => onDisk(batch.file, () => storeOf(batch.file).run(batch)),
    read: ({ write, view }: { write: Write; view: WriteView }) => readForDatabase(write, view),
    make: (making: Making) => onDisk(making.source ?? making.target, () => makeLive(making)),
    settle: ({ file, target }: { file: string; target: string }) => onDisk(file, () => settleLive(file, target)),
    close: ({ file }: { file: string }) => close(file),
    closeAll: () => {
      for (const file of [...stores.keys()]) close(file)
    },
  }
})

/** A file that is damaged, as the refusal that it is. */
async function onDisk<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof Fault ? error : (damaged(error, [file]) ?? error)
  }
}
