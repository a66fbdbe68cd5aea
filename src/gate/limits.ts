import ipaddr from 'ipaddr.js'
import { Fault } from '../lib/fault.ts'
import { type Window, Windows } from './windows.ts'

const WINDOW_SECONDS = 60
/** Bad secrets from one address before it gets 429 for the next ones; a good key is never held up by them. */
const BAD_SECRETS = 60
/** Wrong passwords for one name, or from one address; then right ones wait too. */
const BAD_SIGN_INS = 10
/** Calls of public services from one address. */
const PUBLIC_CALLS = 300

/** The RateLimit fields of draft-ietf-httpapi-ratelimit-headers-10. */
export type LimitHeaders = { 'ratelimit-policy': string; ratelimit: string }

/** Requests a minute, by key and by address, in this process's memory. */
export class Limits {
  /** by key, for each limit that a key has had: a changed limit begins anew */
  readonly #keys = new Map<number, Windows<number>>()
  readonly #badSecrets = new Windows<string>(WINDOW_SECONDS)
  /** wrong passwords, by name and by address */
  readonly #signIns = new Windows<string>(WINDOW_SECONDS)
  readonly #public = new Windows<string>(WINDOW_SECONDS)

  /** @returns the RateLimit fields. @throws Fault 429 */
  ofKey(keyId: number, limit: number): LimitHeaders {
    let windows = this.#keys.get(limit)
    if (!windows) {
      windows = new Windows(WINDOW_SECONDS)
      this.#keys.set(limit, windows)
    }
    return within(windows.count(keyId), limit, 'The rate limit of this key is exceeded.')
  }

  /** @throws Fault 429 */
  ofPublic(address: string): LimitHeaders {
    const window = this.#public.count(holderOf(address))
    return within(window, PUBLIC_CALLS, 'Too many calls without a key from this address.')
  }

  /** Before a password is looked at. @throws Fault 429 too many were wrong lately */
  checkSignIn(username: string, address: string): void {
    for (const who of signingIn(username, address)) {
      const window = this.#signIns.peek(who)
      if (window && window.used >= BAD_SIGN_INS) throw exceeded(window, BAD_SIGN_INS, TOO_MANY_SIGN_INS)
    }
  }

  /** Counts a wrong password. */
  badSignIn(username: string, address: string): void {
    for (const who of signingIn(username, address)) this.#signIns.count(who)
  }

  /** Counts a bad secret. @throws Fault 429 */
  badSecret(address: string): void {
    within(this.#badSecrets.count(holderOf(address)), BAD_SECRETS, 'Too many bad keys from this address.')
  }
}

/** Whoever has one IPv6 address has 2^64 of them: those count as one. */
function holderOf(address: string): string {
  if (!address.includes(':') || !ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv6' ? (parsed as ipaddr.IPv6).parts.slice(0, 4).join(':') : parsed.toString()
}

function within(window: Window, limit: number, refusal: string): LimitHeaders {
  if (window.used > limit) throw exceeded(window, limit, refusal)
  return fields(window, limit)
}

const TOO_MANY_SIGN_INS = 'Too many wrong passwords; wait a minute.'
const signingIn = (username: string, address: string) => [`name ${username}`, `address ${holderOf(address)}`]

function exceeded(window: Window, limit: number, refusal: string): Fault {
  const seconds = Math.max(1, secondsLeft(window))
  return new Fault(429, 'rate_limited', refusal, {
    headers: { ...fields(window, limit), 'retry-after': String(seconds) },
  })
}

const secondsLeft = ({ ends }: Window) => Math.ceil((ends - Date.now()) / 1000)

const policies = new Map<number, string>()

/** A limit as it is told: one text for all answers. */
function policyOf(limit: number): string {
  let policy = policies.get(limit)
  if (policy === undefined) {
    policy = `"default";q=${limit};w=${WINDOW_SECONDS}`
    policies.set(limit, policy)
  }
  return policy
}

function fields(window: Window, limit: number): LimitHeaders {
  return {
    'ratelimit-policy': policyOf(limit),
    ratelimit: `"default";r=${Math.max(0, limit - window.used)};t=${secondsLeft(window)}`,
  }
}
