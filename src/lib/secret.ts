/**
 * Keys (`dk_`) and tokens (`hf_`): the prefix, 30 random characters and 6 check characters of `0-9A-Za-z`.
 * The check is the CRC-32 of the 30 characters (as ASCII) in base 62, most significant digit first, padded with `0`.
 */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const FORM = /^(dk|hf)_[0-9A-Za-z]{36}$/
const KEY_WITHIN = /\bdk_[0-9A-Za-z]{36}/

export type SecretPrefix = 'dk' | 'hf'

function check(body: string): string {
  let crc = Bun.hash.crc32(body)
  let digits = ''
  for (let i = 0; i < 6; i++) {
    digits = ALPHABET[crc % 62] + digits
    crc = Math.floor(crc / 62)
  }
  return digits
}

/** A new secret. 30 characters of 62 carry about 178 bits. */
export function mintSecret(prefix: SecretPrefix): string {
  let body = ''
  while (body.length < 30)
    // 248 is the largest multiple of 62 below 256: taking larger bytes too would favour the first characters
    for (const byte of crypto.getRandomValues(new Uint8Array(48)))
      if (byte < 248 && body.length < 30) body += ALPHABET[byte % 62]
  return `${prefix}_${body}${check(body)}`
}

/** Whether a presented text has the form of a secret of this kind: cheap, before any look-up. */
export function wellFormed(secret: string, prefix: SecretPrefix): boolean {
  return (
    secret.length === 39 &&
    secret.startsWith(prefix) &&
    FORM.test(secret) &&
    check(secret.slice(3, 33)) === secret.slice(33)
  )
}

/** Whether a text has in it what looks like a key. */
export const holdsKey = (text: string): boolean => KEY_WITHIN.test(text)

/** What is stored of a secret: its SHA-256 in base64url. */
export function hashSecret(secret: string): string {
  return Bun.SHA256.hash(secret, 'base64url' as 'base64')
}

/** What is shown of a secret in lists: `dk_Ab3…` and the last four characters. */
export function shownParts(secret: string): { prefix: string; last4: string } {
  return { prefix: secret.slice(0, 7), last4: secret.slice(-4) }
}
