import { expect, test } from 'bun:test'
import { diff } from '../../src/lib/diff.ts'

test('what is the same has no differences', () => {
  for (const value of [null, 1, 'a', [], {}, { a: [{ id: 'x', b: null }] }])
    expect(diff(value, structuredClone(value))).toEqual([])
  expect(diff({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([])
})

test('members are added, removed and changed, by path', () => {
  expect(diff({ a: 1, b: { c: 2, d: 3 } }, { b: { c: 5, e: 6 }, f: 7 })).toEqual([
    { path: 'a', kind: 'removed', left: 1, right: null },
    { path: 'b.c', kind: 'changed', left: 2, right: 5 },
    { path: 'b.d', kind: 'removed', left: 3, right: null },
    { path: 'b.e', kind: 'added', left: null, right: 6 },
    { path: 'f', kind: 'added', left: null, right: 7 },
  ])
})

test('lists whose members have ids are compared by them, others by position', () => {
  const left = {
    endpoints: [
      { id: 'a', n: 1 },
      { id: 'b', n: 1 },
    ],
    list: [1, 2],
  }
  const right = { endpoints: [{ id: 'b', n: 1 }, { id: 'a', n: 2 }, { id: 'c' }], list: [2] }
  expect(diff(left, right)).toEqual([
    { path: 'endpoints.a.n', kind: 'changed', left: 1, right: 2 },
    { path: 'endpoints.c', kind: 'added', left: null, right: { id: 'c' } },
    { path: 'list.0', kind: 'changed', left: 1, right: 2 },
    { path: 'list.1', kind: 'removed', left: 2, right: null },
  ])
  // an id twice, or one without: by position
  expect(diff([{ id: 'a' }, { id: 'a' }], [{ id: 'a' }, { id: 'b' }]).map(d => d.path)).toEqual(['1.id'])
})

test('one kind of value for another is a change of the whole', () => {
  expect(diff([1], { 0: 1 }).length).toBe(0)
  expect(diff({ a: [1] }, { a: 'x' })).toEqual([{ path: 'a', kind: 'changed', left: [1], right: 'x' }])
  expect(diff(null, {})).toEqual([{ path: '', kind: 'changed', left: null, right: {} }])
})

test('members called as prototypes are members', () => {
  const left = JSON.parse('{"__proto__":{"a":1}}')
  expect(diff(left, JSON.parse('{"constructor":1}'))).toEqual([
    { path: '__proto__', kind: 'removed', left: { a: 1 }, right: null },
    { path: 'constructor', kind: 'added', left: null, right: 1 },
  ])
})

test('each part is looked at once, however deep it is', () => {
  let looked = 0
  const leaf = { toJSON: () => looked++ }
  const nested = (last: unknown) => {
    let value: unknown = { leaf, last }
    for (let i = 0; i < 60; i++) value = { a: value }
    return value
  }
  expect(diff(nested(1), nested(2)).map(({ right }) => right)).toEqual([2])
  expect(looked).toBeLessThan(3)
})

test('half a million differences are told, and what would take gigabytes is refused', () => {
  const list = (from: number) => Array.from({ length: 500_000 }, (_, i) => from + i)
  expect(diff(list(0), list(1)).length).toBe(500_000)
  const named = (from: number) => ({ ['k'.repeat(100_000)]: list(from) })
  expect(() => diff(named(0), named(1))).toThrow('in more places than can be listed')
})
