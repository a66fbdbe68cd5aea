export interface Difference {
  path: string
  kind: 'added' | 'removed' | 'changed'
  left: unknown
  right: unknown
}

/**
 * What differs between two JSON values, by path (`endpoints.customer.max_results`). Lists whose members all have an `id`
 * are compared by it (on both sides), other lists by position.
 */
export function diff(left: unknown, right: unknown, path = ''): Difference[] {
  if (same(left, right)) return []
  const byId = haveIds(left) && haveIds(right)
  const l = membersOf(left, byId)
  const r = membersOf(right, byId)
  if (!l || !r) return [{ path, kind: 'changed', left, right }]
  const found: Difference[] = []
  for (const name of new Set([...l.keys(), ...r.keys()])) {
    const below = path ? `${path}.${name}` : name
    if (!r.has(name)) found.push({ path: below, kind: 'removed', left: l.get(name), right: null })
    else if (!l.has(name)) found.push({ path: below, kind: 'added', left: null, right: r.get(name) })
    else found.push(...diff(l.get(name), r.get(name), below))
  }
  return found
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

function membersOf(value: unknown, byId: boolean): Map<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) return new Map(Object.entries(value))
  return new Map(value.map((v, i) => [byId ? (v as { id: string }).id : String(i), v]))
}

/** Whether all members have an id of their own. */
function haveIds(value: unknown): boolean {
  if (!Array.isArray(value)) return false
  const ids = value.map(v => (typeof v === 'object' && v !== null ? (v as { id?: unknown }).id : undefined))
  return ids.every(id => typeof id === 'string') && new Set(ids).size === ids.length
}
