/** Room for so many at first; always a power of two. */
const ROOM = 64
/** Ids are of 32 bits, as the frames between processes have room for. */
const MOST = 0xffff_ffff

/**
 * What comes and goes with every call, each under an id of its own, which is not used again for the next four thousand million.
 *
 * In place of a Map or a Set, which the engine's garbage collector pays dearly for where much comes and goes: the table behind
 * one is made anew every few dozen entries, and each that was left points to its successor. So what was ever in it survives all
 * collections but the full ones, and is visited by each.
 */
export class Slab<T> {
  #items: (T | undefined)[] = new Array(ROOM).fill(undefined)
  #ids: number[] = new Array(ROOM).fill(0)
  #last: number
  #size = 0

  /** @param last ids begin after it */
  constructor(last = 0) {
    this.#last = last
  }

  get size(): number {
    return this.#size
  }

  /** @returns its id, from 1 to 2^32 - 1 */
  put(item: T): number {
    if (this.#size * 2 >= this.#items.length) this.#grow()
    let id = this.#last
    let at: number
    // one that stays for long keeps its place, and the ids that would have it are passed over
    do {
      id = id >= MOST ? 1 : id + 1
      at = id & (this.#items.length - 1)
    } while (this.#items[at] !== undefined)
    this.#last = id
    this.#items[at] = item
    this.#ids[at] = id
    this.#size++
    return id
  }

  get(id: number): T | undefined {
    const at = id & (this.#items.length - 1)
    return this.#ids[at] === id ? this.#items[at] : undefined
  }

  /** Removes it. @returns what it was; undefined: it is not there (any more) */
  take(id: number): T | undefined {
    const item = this.get(id)
    if (item === undefined) return undefined
    this.#items[id & (this.#items.length - 1)] = undefined
    this.#size--
    return item
  }

  /** All of them, in no order. What is put or taken meanwhile does no harm. */
  all(): T[] {
    return this.#items.filter(item => item !== undefined)
  }

  /** Removes all. @returns them */
  takeAll(): T[] {
    const all = this.all()
    this.#items.fill(undefined)
    this.#size = 0
    return all
  }

  #grow(): void {
    const [items, ids] = [this.#items, this.#ids]
    this.#items = new Array(items.length * 2).fill(undefined)
    this.#ids = new Array(ids.length * 2).fill(0)
    for (const [from, item] of items.entries()) {
      if (item === undefined) continue
      const at = ids[from]! & (this.#items.length - 1)
      this.#items[at] = item
      this.#ids[at] = ids[from]!
    }
  }
}
