import { toFault } from '../lib/fault.ts'
import { groupOf, join, part, splits } from './join.ts'
import type { ScoreTensors } from './predict.ts'
import type { Tensors } from './tensors.ts'

interface Member {
  feeds: Tensors
  rows: number
  outputs: readonly string[] | undefined
  resolve: (outputs: Tensors) => void
  reject: (error: unknown) => void
}

/** Gathers what several bodies want scored, and scores it together: as few runs as rows, shapes and the model allow. */
export class Gathering {
  readonly #run: (feeds: Tensors, outputs?: readonly string[]) => Promise<Tensors>
  readonly #maxRows: number
  readonly #members: Member[] = []

  /** @param maxRows in one run; 1 where rows must not be scored with others' */
  constructor(run: (feeds: Tensors, outputs?: readonly string[]) => Promise<Tensors>, maxRows: number) {
    this.#run = run
    this.#maxRows = maxRows
  }

  readonly score: ScoreTensors = (feeds, rows, outputs) =>
    new Promise((resolve, reject) => this.#members.push({ feeds, rows, outputs, resolve, reject }))

  /** Scores all that is there. Every member is settled then. */
  async flush(): Promise<void> {
    const groups = new Map<string, Member[][]>()
    for (const member of this.#members.splice(0)) {
      const key = groupOf(member.feeds, member.outputs)
      const batches = groups.get(key) ?? []
      groups.set(key, batches)
      const last = batches.at(-1)
      if (last && rowsIn(last) + member.rows <= this.#maxRows) last.push(member)
      else batches.push([member])
    }
    for (const batches of groups.values()) for (const batch of batches) await this.#score(batch)
  }

  async #score(batch: Member[]): Promise<void> {
    const [first, ...others] = batch as [Member, ...Member[]]
    try {
      const scored = await this.#run(join(batch.map(member => member.feeds)), first.outputs)
      if (others.length === 0) return first.resolve(scored)
      if (splits(scored, rowsIn(batch))) {
        let from = 0
        for (const member of batch) {
          member.resolve(part(scored, from, from + member.rows))
          from += member.rows
        }
        return
      }
    } catch (error) {
      if (others.length === 0) return first.reject(toFault(error))
    }
    // one bad request must not spoil its neighbours
    for (const member of batch) await this.#score([member])
  }
}

const rowsIn = (members: readonly Member[]) => members.reduce((sum, { rows }) => sum + rows, 0)
