/** The entry of `callgate worker write`: the one process that changes live files, one batch of a file at a time. */
import { diskTrouble, Fault } from '../../lib/fault.ts'
import { serveParent } from '../../workers/serve.ts'
import type { Write } from './apply.ts'
import { readForDatabase } from './database/read.ts'
import type { Batch, Making } from './job.ts'
import { makeLive, settleLive } from './live-file.ts'
import { LiveStore } from './live-store.ts'
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
    stores.get(file)?.close()
    stores.delete(file)
  }
  return {
    state: ({ file }: { file: string }) => storeOf(file).state(),
    write: (batch: Batch) => storeOf(batch.file).run(batch),
    read: ({ write, view }: { write: Write; view: WriteView }) => readForDatabase(write, view),
    make: (making: Making) => onDisk(() => makeLive(making)),
    settle: ({ file, target }: { file: string; target: string }) => onDisk(() => settleLive(file, target)),
    close: ({ file }: { file: string }) => close(file),
    closeAll: () => {
      for (const file of [...stores.keys()]) close(file)
    },
  }
})

/** A disk that is full or fails as the refusal that it is: other errors lose their code on their way to the parent. */
function onDisk<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof Fault ? error : (diskTrouble(error) ?? error)
  }
}
