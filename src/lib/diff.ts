export interface Difference {
  path: string
  kind: 'added' | 'removed' | 'changed'
  left: unknown
  right: unknown
}

/**
 * What differs between two JSON values, by path (`endpoints.customer.max_results`). Lists whose members all have an `id`
 * are compared by it, other lists by position.
 */
export function diff(left: unknown, right: unknown, path = ''): Difference[] {
  if (same(left, right)) return []
  const l = membersOf(left)
  const r = membersOf(right)
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

function membersOf(value: unknown): Map<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) return new Map(Object.entries(value))
  const ids = value.map(v => (typeof v === 'object' && v !== null ? (v as { id?: unknown }).id : undefined))
  const named = ids.every(id => typeof id === 'string') && new Set(ids).size === ids.length
  return new Map(value.map((v, i) => [named ? (ids[i] as string) : String(i), v]))
}
