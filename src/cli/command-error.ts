/** What a person must put right: the message is all that is printed. */
export class CommandError extends Error {
  override name = 'CommandError'
  /** the exit status */
  readonly status: 1 | 2

  /** @param status 2: the command line is wrong */
  constructor(message: string, status: 1 | 2 = 1) {
    super(message)
    this.status = status
  }
}
