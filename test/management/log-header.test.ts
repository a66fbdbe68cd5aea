import { expect, test } from 'bun:test'
import { logHeader } from '../../src/management/dryrun.ts'

const header = (lines: string[]) => JSON.parse(logHeader(lines))

test('a log in a header is as many of its first lines as there is room for, in ASCII', () => {
  expect(logHeader(['aé', '"\n'])).toBe('["a\\u00e9","\\"\\n"]')
  expect(header([])).toEqual([])
  const lines = Array.from({ length: 100 }, (_, i) => `${i} ${'é'.repeat(100)}`)
  expect(header(lines)).toEqual(lines.slice(0, 9))
  expect(logHeader(lines).length).toBeLessThanOrEqual(6000)
  expect(header(['x'.repeat(5996), 'y'])).toEqual(['x'.repeat(5996)])
  expect(header(['x'.repeat(5997)])).toEqual([])
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
  expect(header(lines).length).toBe(5)
  expect(looked).toEqual([0, 1, 2, 3, 4, 5])
})
