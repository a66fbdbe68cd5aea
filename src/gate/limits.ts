import ipaddr from 'ipaddr.js'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { Fault } from '../lib/fault.ts'

const WINDOW_SECONDS = 60
/** Bad secrets from one address before it gets 429 for the next ones; a good key is never held up by them. */
const BAD_SECRETS = 60
/** Wrong passwords for one name, or from one address; then right ones wait too. */
const BAD_SIGN_INS = 10
/** Calls of public services from one address. */
const PUBLIC_CALLS = 300

export type LimitHeaders = Record<string, string>

/** Requests a minute, by key and by address, in this process's memory. */
export class Limits {
  /** one limiter for each limit that a key has */
  #byLimit = new Map<number, RateLimiterMemory>()
  #badSecrets = new RateLimiterMemory({ points: BAD_SECRETS, duration: WINDOW_SECONDS })
  /** wrong passwords, by name and by address */
  #signIns = new RateLimiterMemory({ points: BAD_SIGN_INS, duration: WINDOW_SECONDS })
  #public = new RateLimiterMemory({ points: PUBLIC_CALLS, duration: WINDOW_SECONDS })

  /** @returns the RateLimit fields. @throws Fault 429 */
  ofKey(keyId: number, limit: number): Promise<LimitHeaders> {
    let limiter = this.#byLimit.get(limit)
    if (!limiter) {
      limiter = new RateLimiterMemory({ points: limit, duration: WINDOW_SECONDS, keyPrefix: String(limit) })
      this.#byLimit.set(limit, limiter)
    }
    return consume(limiter, String(keyId), limit, 'The rate limit of this key is exceeded.')
  }

  /** @throws Fault 429 */
  ofPublic(address: string): Promise<LimitHeaders> {
    return consume(this.#public, networkOf(address), PUBLIC_CALLS, 'Too many calls without a key from this address.')
  }

  /** Before a password is looked at. @throws Fault 429 too many were wrong lately */
  async checkSignIn(username: string, address: string): Promise<void> {
    for (const who of signingIn(username, address)) {
      const state = await this.#signIns.get(who)
      if (state && state.consumedPoints >= BAD_SIGN_INS) throw exceeded(state, BAD_SIGN_INS, TOO_MANY_SIGN_INS)
    }
  }

  /** Counts a wrong password. */
  async badSignIn(username: string, address: string): Promise<void> {
    for (const who of signingIn(username, address)) await this.#signIns.penalty(who)
  }

  /** Counts a bad secret. @throws Fault 429 */
  async badSecret(address: string): Promise<void> {
    await consume(this.#badSecrets, networkOf(address), BAD_SECRETS, 'Too many bad keys from this address.')
  }
}

/** Whoever has one IPv6 address has 2^64 of them: those count as one. */
function networkOf(address: string): string {
  if (!address.includes(':') || !ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv6' ? (parsed as ipaddr.IPv6).parts.slice(0, 4).join(':') : parsed.toString()
}

async function consume(limiter: RateLimiterMemory, who: string, limit: number, refusal: string): Promise<LimitHeaders> {
  try {
    return fields(await limiter.consume(who), limit)
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    throw exceeded(error, limit, refusal)
  }
}

const TOO_MANY_SIGN_INS = 'Too many wrong passwords; wait a minute.'
const signingIn = (username: string, address: string) => [`name ${username}`, `address ${networkOf(address)}`]

function exceeded(state: RateLimiterRes, limit: number, refusal: string): Fault {
  const seconds = Math.max(1, Math.ceil(state.msBeforeNext / 1000))
  return new Fault(429, 'rate_limited', refusal, {
    headers: { ...fields(state, limit), 'retry-after': String(seconds) },
  })
}

/** The RateLimit fields of draft-ietf-httpapi-ratelimit-headers-10. */
function fields(state: RateLimiterRes, limit: number): LimitHeaders {
  return {
    'ratelimit-policy': `"default";q=${limit};w=${WINDOW_SECONDS}`,
    ratelimit: `"default";r=${Math.max(0, state.remainingPoints)};t=${Math.ceil(state.msBeforeNext / 1000)}`,
  }
}
