import { expect, test } from 'bun:test'
import { logHeader } from '../../src/management/dryrun.ts'

const header = (lines: string[]) => JSON.parse(logHeader(lines))

test('a log in a header is as many of its first lines as there is room for, in ASCII, and how many more there are', () => {
  expect(logHeader(['aé', '"\n'])).toBe('["a\\u00e9","\\"\\n"]')
  expect(header([])).toEqual([])
  const lines = Array.from({ length: 100 }, (_, i) => `${i} ${'é'.repeat(100)}`)
  expect(header(lines)).toEqual([...lines.slice(0, 9), '... (no room for 91 more)'])
  expect(header(['x'.repeat(5946), 'y'])).toEqual(['x'.repeat(5946), '... (no room for 1 more)'])
  expect(header(['x'.repeat(5947)])).toEqual(['... (no room for 1 more)'])
  for (const list of [lines, Array(100).fill('x'.repeat(5946))])
    expect(logHeader(list).length).toBeLessThanOrEqual(6000)
})

test('lines that there is no room for are not looked at', () => {
  const looked: number[] = []
  const lines = Array.from({ length: 100 }, (_, i) => {
    const line = 'x'.repeat(1000)
    const toJSON = () => {
      looked.push(i)
      return line
    }
    return { toJSON } as unknown as string
  })
  expect(header(lines).length).toBe(6)
  expect(looked).toEqual([0, 1, 2, 3, 4, 5])
})
