import { mintSecret } from '../lib/secret.ts'
import { CommandError } from './command-error.ts'
import { print } from './print.ts'

/** `callgate secret dk|hf`: a new secret of the right form; it is stored nowhere. */
export function secret([kind, ...rest]: string[]): number {
  if ((kind !== 'dk' && kind !== 'hf') || rest.length > 0)
    throw new CommandError('callgate secret dk prints a new key, callgate secret hf a new token.', 2)
  print(mintSecret(kind))
  return 0
}
