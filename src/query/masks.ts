import type { Column, Mask } from '../catalog/column.ts'

/** What a column above the caller's tier comes back as, in every row. */
export const BLOCKED = '[BLOCKED]'

/**
 * The masks (README, "Keys and what they see"), on a value as it would be answered. NULL stays NULL and never comes here.
 * `hash` is an HMAC with the installation's secret, so that equal values can be joined but not guessed.
 */
export function maskOf(column: Column, secret: Uint8Array): (value: unknown) => unknown {
  const mask: Mask = column.mask ?? 'redact'
  switch (mask) {
    case 'redact':
      return () => '***'
    case 'null':
      return () => null
    case 'email':
      return value => maskEmail(text(value))
    case 'last4':
      return value => {
        const characters = [...text(value)]
        return characters.length <= 4 ? '***' : `***${characters.slice(-4).join('')}`
      }
    case 'initials':
      return value =>
        text(value)
          .split(/\s+/)
          .filter(Boolean)
          .map(word => `${[...word][0]}.`)
          .join(' ')
    case 'year':
      return value => /^\d{4}(?=-|$)/.exec(text(value))?.[0] ?? '***'
    case 'hash':
      return value => new Bun.CryptoHasher('sha256', secret).update(text(value)).digest('hex').slice(0, 16)
  }
}

function maskEmail(address: string): string {
  const at = address.lastIndexOf('@')
  if (at < 1) return '***'
  return `${[...address][0]}***${address.slice(at)}`
}

const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
