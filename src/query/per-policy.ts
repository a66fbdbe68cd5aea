import type { Grant } from '../catalog/grant.ts'
import { policyKey } from './policy.ts'

const MAX_POLICIES = 1000

/** What is made once for all grants that see the same, and found again by the grant itself. */
export class PerPolicy<T> {
  #make: (grant: Grant, policy: string) => T
  #byGrant = new WeakMap<Grant, T>()
  #byPolicy = new Map<string, T>()

  constructor(make: (grant: Grant, policy: string) => T) {
    this.#make = make
  }

  of(grant: Grant): T {
    const known = this.#byGrant.get(grant)
    if (known) return known
    const policy = policyKey(grant)
    let made = this.#byPolicy.get(policy)
    if (!made) {
      made = this.#make(grant, policy)
      if (this.#byPolicy.size >= MAX_POLICIES) this.#byPolicy.clear()
      this.#byPolicy.set(policy, made)
    }
    this.#byGrant.set(grant, made)
    return made
  }
}
