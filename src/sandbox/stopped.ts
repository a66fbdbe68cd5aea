/** Why a machine was stopped; it is fit for nothing but to be restored. */
export type StopReason = 'cpu' | 'memory' | 'stack' | 'output' | 'calls' | 'never' | 'engine'

export class Stopped extends Error {
  readonly reason: StopReason
  constructor(reason: StopReason, options?: ErrorOptions) {
    super(`stopped: ${reason}`, options)
    this.reason = reason
  }
}
