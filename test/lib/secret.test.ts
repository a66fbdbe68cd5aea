import { describe, expect, test } from 'bun:test'
import { crc32 } from 'node:zlib'
import { hashSecret, mintSecret, type SecretPrefix, shownParts, wellFormed } from '../../src/lib/secret.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** The check characters as they are worded in lib/secret.ts, with zlib's CRC and big integers. */
function check(body: string): string {
  let rest = BigInt(crc32(Buffer.from(body, 'ascii')))
  let digits = ''
  for (; digits.length < 6; rest /= 62n) digits = ALPHABET[Number(rest % 62n)] + digits
  return digits
}

test('the check is the CRC-32 that everybody knows', () => expect(crc32('123456789')).toBe(0xcbf43926))

describe('a minted secret', () => {
  const minted = Array.from({ length: 300 }, (_, i) => mintSecret(i % 2 ? 'dk' : 'hf'))
  test('has its prefix, 30 random characters and 6 of check', () => {
    for (const secret of minted) {
      expect(secret).toMatch(/^(dk|hf)_[0-9A-Za-z]{36}$/)
      expect(secret.slice(33)).toBe(check(secret.slice(3, 33)))
    }
    expect(new Set(minted).size).toBe(minted.length)
  })
  test('uses every character of the alphabet about equally often', () => {
    const counts = new Map<string, number>()
    for (let i = 0; i < 1000; i++)
      for (const c of mintSecret('dk').slice(3, 33)) counts.set(c, (counts.get(c) ?? 0) + 1)
    expect([...counts.keys()].sort().join('')).toBe([...ALPHABET].sort().join(''))
    // 30,000 characters over 62: 484 each, within six deviations
    for (const count of counts.values()) expect(Math.abs(count - 484)).toBeLessThan(132)
  })
  test('is shown by its prefix and last four', () => {
    const secret = mintSecret('dk')
    expect(shownParts(secret)).toEqual({ prefix: secret.slice(0, 7), last4: secret.slice(35) })
  })
})

describe('a presented text', () => {
  const body = 'abcdefghijklmnopqrstuvwxyz0123'
  const secret = `dk_${body}${check(body)}`
  test('is well formed with the right prefix and check', () => {
    expect(wellFormed(secret, 'dk')).toBe(true)
    expect(wellFormed(secret, 'hf')).toBe(false)
    expect(wellFormed(`hf_${secret.slice(3)}`, 'hf')).toBe(true)
    const zeros = '0'.repeat(30)
    expect(wellFormed(`dk_${zeros}${check(zeros)}`, 'dk')).toBe(true)
  })
  test('is not with any one character changed, lost, added or swapped with its neighbour', () => {
    for (const original of [secret, mintSecret('dk')])
      for (let i = 0; i < original.length; i++) {
        for (const other of [...ALPHABET, '_', '-', '\0', 'é', ' '])
          if (other !== original[i])
            expect(wellFormed(original.slice(0, i) + other + original.slice(i + 1), 'dk')).toBe(false)
        expect(wellFormed(original.slice(0, i) + original.slice(i + 1), 'dk')).toBe(false)
        expect(wellFormed(`${original.slice(0, i)}0${original.slice(i)}`, 'dk')).toBe(false)
        const swapped = original.slice(0, i) + original.charAt(i + 1) + original.charAt(i) + original.slice(i + 2)
        if (swapped !== original && i < original.length - 1) expect(wellFormed(swapped, 'dk')).toBe(false)
      }
  })
  test('is not when it is something else altogether', () => {
    const others = [
      '',
      'dk_',
      `${secret}\n`,
      ` ${secret}`,
      secret.toUpperCase(),
      'x'.repeat(39),
      `dk_${'é'.repeat(36)}`,
      'dk'.repeat(1_000_000),
    ]
    for (const other of others)
      for (const prefix of ['dk', 'hf'] as SecretPrefix[]) expect(wellFormed(other, prefix)).toBe(false)
  })
})

test('what is stored is the SHA-256, in base64url', () => {
  const digest = new Bun.CryptoHasher('sha256').update('dk_x').digest('base64url')
  expect(hashSecret('dk_x')).toBe(digest)
  expect(digest).toMatch(/^[\w-]{43}$/)
})
