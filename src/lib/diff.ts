import { unprocessable } from './fault.ts'

interface Difference {
  path: string
  kind: 'added' | 'removed' | 'changed'
  left: unknown
  right: unknown
}

/** Of all paths together: a long name before very many would be told with each. */
const MOST_CHARACTERS = 8_000_000

/**
 * What differs between two JSON values, by path (`endpoints.customer.max_results`). Lists whose members all have an `id`
 * are compared by it (on both sides), other lists by position.
 * @throws Fault 422 it is too much to be told
 */
export function diff(left: unknown, right: unknown): Difference[] {
  const found: Difference[] = []
  let characters = 0
  const tell = (path: string, kind: Difference['kind'], left: unknown, right: unknown) => {
    characters += path.length
    if (characters > MOST_CHARACTERS) throw unprocessable('They differ in more places than can be listed.')
    found.push({ path, kind, left, right })
  }

  function compare(left: unknown, right: unknown, path: string): void {
    const below = (name: string | number) => (path ? `${path}.${name}` : String(name))
    const byId = haveIds(left) && haveIds(right)
    if (Array.isArray(left) && Array.isArray(right) && !byId) {
      for (const [i, member] of left.entries())
        if (i >= right.length) tell(below(i), 'removed', member, null)
        else if (member !== right[i]) compare(member, right[i], below(i))
      for (let i = left.length; i < right.length; i++) tell(below(i), 'added', null, right[i])
      return
    }
    const l = membersOf(left, byId)
    const r = membersOf(right, byId)
    if (!l || !r) {
      if (left !== right) tell(path, 'changed', left, right)
      return
    }
    for (const [name, member] of l)
      if (!r.has(name)) tell(below(name), 'removed', member, null)
      else if (member !== r.get(name)) compare(member, r.get(name), below(name))
    for (const [name, member] of r) if (!l.has(name)) tell(below(name), 'added', null, member)
  }

  compare(left, right, '')
  return found
}

function membersOf(value: unknown, byId: boolean): Map<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) return new Map(Object.entries(value))
  return new Map(value.map((v, i) => [byId ? (v as { id: string }).id : String(i), v]))
}

/** Whether all members have an id of their own. */
function haveIds(value: unknown): boolean {
  if (!Array.isArray(value)) return false
  const ids = new Set<string>()
  for (const member of value) {
    const id = typeof member === 'object' && member !== null ? (member as { id?: unknown }).id : undefined
    if (typeof id !== 'string' || ids.has(id)) return false
    ids.add(id)
  }
  return true
}
