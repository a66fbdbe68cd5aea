/** Something that a person must put right before Callgate can go on. The message is all that is printed; `status` is the exit status. */
export class StartError extends Error {
  override name = 'StartError'
  readonly status: 1 | 2

  /** @param status 2: the command line is wrong */
  constructor(message: string, status: 1 | 2 = 1) {
    super(message)
    this.status = status
  }
}
