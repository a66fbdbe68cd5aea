/** How far imports are that somebody uploaded and waits for. */
import { notFound, unprocessable } from '../lib/fault.ts'
import type { OnProgress, Progress } from '../lib/progress.ts'
import type { SignedIn } from './context.ts'
import { json } from './respond.ts'

const ID = /^[\w-]{8,64}$/

/** by the user and the id that the upload was given */
const underWay = new Map<string, Progress>()

const keyOf = (who: SignedIn, id: string) => `${who.user.id}/${id}`

/**
 * Runs an import whose progress can be asked for while it runs, by the id that the upload came with.
 * @throws Fault 422 the id's form, or it is another upload's that is under way
 */
export async function importing<T>(
  who: SignedIn,
  id: string | undefined,
  work: (onProgress?: OnProgress) => Promise<T>,
): Promise<T> {
  if (!id) return work()
  if (!ID.test(id)) throw unprocessable('upload_id is 8 to 64 letters, digits, _ and -.')
  const key = keyOf(who, id)
  if (underWay.has(key)) throw unprocessable('upload_id is that of another upload; give each its own.')
  underWay.set(key, { rows: 0, phase: 'waiting' })
  try {
    return await work(progress => underWay.set(key, progress))
  } finally {
    underWay.delete(key)
  }
}

/** `GET /api/datasets/file/upload/{upload_id}`: of an own upload that was received and is imported now. @throws Fault 404 */
export function importProgress(who: SignedIn, id: string): Response {
  const progress = underWay.get(keyOf(who, id))
  if (!progress) throw notFound('No such import is under way.')
  return json(progressRow(progress))
}

const progressRow = ({ rows, fraction, phase }: Progress) => ({
  phase,
  rows,
  /** 0 to 1, where it is known */
  fraction: fraction ?? null,
})
export type ImportProgress = ReturnType<typeof progressRow>
