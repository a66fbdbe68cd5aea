/** What single values look like. All of it errs on the side of no: a wrong yes hides data that nobody needs hidden. */

const ADDRESS = "[\\p{L}\\p{N}._%+'-]+@(?:[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]*[\\p{L}\\p{N}])?\\.)+\\p{L}{2,24}"
const EMAIL = new RegExp(`^${ADDRESS}$`, 'u')
const EMAIL_WITHIN = new RegExp(`(?<![\\p{L}\\p{N}._%+'/:@-])${ADDRESS}`, 'u')

export const isEmail = (text: string): boolean => EMAIL.test(text)
/** An address inside a longer text; a URL's `user@host` is none. */
export const holdsEmail = (text: string): boolean => text.includes('@') && !isEmail(text) && EMAIL_WITHIN.test(text)

const EXTENSION = '(?:\\s*(?:x|ext\\.?)\\s*\\d{1,6})?'
const EXTENDED = new RegExp(`${EXTENSION}$`, 'i')
const INTERNATIONAL = new RegExp(`^\\+[1-9][\\d\\s().-]{6,20}${EXTENSION}$`, 'i')
const NORTH_AMERICAN = new RegExp(
  `^(?:\\+?1[-. ])?(?:\\([2-9]\\d\\d\\) ?|[2-9]\\d\\d[-. ])[2-9]\\d\\d[-. ]\\d{4}${EXTENSION}$`,
  'i',
)
const digitsOf = (text: string) => text.replace(/\D/g, '')

/** A phone number by its form alone: with a country's prefix, or written as in North America. */
export function isPhone(text: string): boolean {
  if (NORTH_AMERICAN.test(text)) return true
  const count = digitsOf(text.replace(EXTENDED, '')).length
  return INTERNATIONAL.test(text) && count >= 8 && count <= 15
}

/** What a column that is called a phone number may hold. */
export function maybePhone(text: string): boolean {
  if (isPhone(text)) return true
  const count = digitsOf(text.replace(EXTENDED, '')).length
  return count >= 7 && count <= 15 && /^[+(]?\d[\d\s()./-]*(?:\s*(?:x|ext\.?)\s*\d{1,6})?$/i.test(text)
}

const ISSUERS =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:6011|65\d\d|64[4-9]\d|35\d\d|62\d\d)\d{12,15})$/

/** A payment card's number: an issuer's prefix and length, and the check digit (Luhn). */
export function isCard(text: string): boolean {
  if (!maybeCard(text)) return false
  const digits = digitsOf(text)
  return ISSUERS.test(digits) && !/^(\d)\1+$/.test(digits) && luhn(digits)
}

/** 12 to 19 digits, in groups or not. */
export const maybeCard = (text: string): boolean => /^\d(?:[ -]?\d){11,18}$/.test(text)

function luhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    sum += i % 2 === 0 ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit
  }
  return sum % 10 === 0
}

export const maybeIban = (text: string): boolean => /^[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}$/i.test(text)

/** An IBAN with its check digits (ISO 7064, mod 97). */
export function isIban(text: string): boolean {
  if (!maybeIban(text)) return false
  const compact = text.replaceAll(' ', '').toUpperCase()
  let rest = 0
  for (const character of compact.slice(4) + compact.slice(0, 4))
    for (const digit of String(Number.parseInt(character, 36))) rest = (rest * 10 + Number(digit)) % 97
  return rest === 1
}

/** A social security number of the United States, as it is written; numbers that are never given out are none. */
export const isSsn = (text: string): boolean => /^(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$/.test(text)

/** What a column that is called a national id may hold: short, and with digits in it. */
export const maybeNationalId = (text: string): boolean =>
  text.length <= 32 && digitsOf(text).length >= 4 && /^[\p{L}\d][\p{L}\d .\-/]*$/u.test(text)

/** A date as people write it. */
export const maybeDate = (text: string): boolean =>
  /^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ](?:\d{1,2}|\p{L}{3,9})[-/., ]+\d{2,4}|\p{L}{3,9} \d{1,2},? \d{4})(?:[T ].*)?$/u.test(
    text,
  )

const WORD = "\\p{L}[\\p{L}'’.-]*"
const WORDS = new RegExp(`^${WORD}(?:,? ${WORD}){0,5}$`, 'u')
/** One to six words without digits, as names of people are (and much else): for columns that are called so. */
export const maybePersonName = (text: string): boolean => WORDS.test(text)

const ORGANISATION =
  /\b(?:inc|llc|llp|ltd|limited|gmbh|corp|corporation|company|co|plc|ag|sa|s\.a|srl|bv|b\.v|nv|kg|oy|ab|pty|group|holdings?|bank|university|school|hospital|hotel|services?|systems?|solutions|partners|associates|foundation|institute|store|shop|& .*)\b\.?/i

/** Two to five words that begin with capitals and name no organisation. */
export const isPersonName = (text: string): boolean =>
  maybePersonName(text) && /^\p{Lu}\S*(?:,? [\p{Lu}\p{Ll}]\S*){1,4}$/u.test(text) && !ORGANISATION.test(text)
