/** Something that a person must put right before Callgate can go on. The message is all that is printed. */
export class StartError extends Error {
  override name = 'StartError'
}
