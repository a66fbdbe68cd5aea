import { expect, test } from 'bun:test'
import { decodeDecimal, encodeDecimal } from '../../src/lib/decimal.ts'

test('up to 18 digits are a scaled integer', () => {
  expect(encodeDecimal('12.5', 18, 2)).toBe(1250n)
  expect(encodeDecimal('-0.05', 5, 2)).toBe(-5n)
  expect(encodeDecimal('+007', 3, 0)).toBe(7n)
  expect(encodeDecimal('.5', 2, 2)).toBe(50n)
  expect(encodeDecimal('-0.00', 4, 2)).toBe(0n)
  expect(decodeDecimal(1250, 18, 2)).toBe('12.50')
  expect(decodeDecimal(-5n, 5, 2)).toBe('-0.05')
  expect(decodeDecimal(0, 4, 0)).toBe('0')
})

test('more digits are text of one width, and come back as they were', () => {
  for (const value of ['0.0001', '-0.0001', '99999999999999999999.9999', '-99999999999999999999.9999', '0.0000']) {
    const stored = encodeDecimal(value, 24, 4)
    expect(stored).toHaveLength(25)
    expect(decodeDecimal(stored, 24, 4)).toBe(value)
  }
  expect(encodeDecimal('-0', 20, 2)).toBe(encodeDecimal('0', 20, 2))
})

test('the order of the text is the order of the numbers', () => {
  const scaled: bigint[] = [0n]
  let seed = 42n
  for (let i = 0; i < 2000; i++) {
    seed = (seed * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n
    const magnitude = (seed * seed) % 10n ** (1n + (seed % 30n))
    scaled.push(magnitude, -magnitude)
  }
  const digits = (n: bigint) => `${n < 0n ? '-' : ''}${String(n < 0n ? -n : n).padStart(11, '0')}`
  const asText = (n: bigint) => digits(n).replace(/(\d{10})$/, '.$1')
  const byNumber = [...scaled].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).map(n => encodeDecimal(asText(n), 30, 10))
  const byText = scaled.map(n => encodeDecimal(asText(n), 30, 10) as string).sort()
  expect(byText).toEqual(byNumber as string[])
})

test('what is no decimal or has too many digits is refused', () => {
  for (const text of ['', '.', '-', '1e5', '1,5', ' 1', '1_0', '0x1', 'NaN', '--1', '1.2.3'])
    expect(() => encodeDecimal(text, 18, 2)).toThrow('not a decimal')
  expect(() => encodeDecimal('1.234', 18, 2)).toThrow('2 digits behind the point')
  expect(() => encodeDecimal('1000', 5, 2)).toThrow('3 digits before the point')
  expect(encodeDecimal('999.990000', 5, 2)).toBe(99999n)
})
