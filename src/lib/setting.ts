/** How settings are written: each of these reads a text of one kind. @throws Unacceptable */
import { isAbsolute, resolve } from 'node:path'
import { networkOf } from './address.ts'
import { parseDuration } from './duration.ts'

/** Thrown by a setting's parser; the message follows the flag's name: `--port must be ...`. */
export class Unacceptable extends Error {}

export const text = (value: string) => value
export const optionalPath = (value: string) => (value === '' ? undefined : isAbsolute(value) ? value : resolve(value))
export const path = (value: string) => {
  if (value === '') throw new Unacceptable('must name a path')
  return resolve(value)
}
/** An IPv6 address also in its brackets. Nothing is not every address: that is said as 0.0.0.0. */
export const address = (value: string) => {
  if (value.trim() === '') throw new Unacceptable('must be an address such as 127.0.0.1, or 0.0.0.0 for all')
  return value.replace(/^\[(.*)\]$/, '$1')
}
export const wholeNumber = (from: number, to: number) => (value: string) => {
  if (!/^\d+$/.test(value) || Number(value) < from || Number(value) > to)
    throw new Unacceptable(`must be a whole number from ${from} to ${to}`)
  return Number(value)
}
export const oneOf =
  <T extends string>(...choices: T[]) =>
  (value: string): T => {
    if (!choices.includes(value as T)) throw new Unacceptable(`must be ${choices.join(' or ')}`)
    return value as T
  }
/** In milliseconds, as its bounds are. */
export const duration = (from: number, to: number) => (value: string) => {
  const milliseconds = parseDuration(value) ?? Number.NaN
  if (!(milliseconds >= from && milliseconds <= to))
    throw new Unacceptable(`must be a duration such as 500ms, 30s or 2m, from ${from / 1000}s to ${to / 1000}s`)
  return milliseconds
}
/** In bytes: `16MB` and `16MiB` are the same. */
export const size = (value: string) => {
  const match = /^(\d+)\s*(|B|KB|MB|GB|KiB|MiB|GiB)$/i.exec(value)
  const unit = match && ({ k: 1, m: 2, g: 3 }[match[2]!.charAt(0).toLowerCase()] ?? 0)
  const bytes = Number(match?.[1]) * 1024 ** (unit ?? 0)
  if (!Number.isSafeInteger(bytes)) throw new Unacceptable('must be a size such as 16MiB')
  return bytes
}
export const optionalSize = (value: string) => (value === '' ? undefined : size(value))
const listed = (value: string) =>
  value
    .split(',')
    .map(part => part.trim())
    .filter(Boolean)
export const origins = (value: string) => {
  const list = listed(value)
  for (const origin of list)
    if (origin !== '*' && (origin.includes('*') || !URL.canParse(origin) || new URL(origin).origin !== origin))
      throw new Unacceptable('must be exact origins such as https://app.example.org, separated by commas, or *')
  return list
}
/** A dot at either end is let be. */
export const domain = (value: string) => {
  const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
  if (value !== '' && !new RegExp(`^\\.?${label}(?:\\.${label})*\\.?$`, 'i').test(value))
    throw new Unacceptable('must be a domain such as serving.example.org, without a scheme, a port and a path')
  return value
}
export const networks = (value: string) =>
  listed(value).map(part => {
    const network = networkOf(part)
    if (!network) throw new Unacceptable('must be addresses or networks such as 10.0.0.0/8, separated by commas')
    return network
  })
