import type { Instance } from './instance.ts'
import { print } from './print.ts'

/**
 * A curl line that can be pasted: GET, or POST with a JSON body.
 * @param path of a service's endpoint, or from the root where it begins with a slash
 */
export function curl(instance: Instance, key: string | undefined, path: string, body?: unknown): string {
  const place = path.startsWith('/') ? path : `/api/service/${path}`
  const url = `${instance.url.replace('//0.0.0.0', '//127.0.0.1')}${place.replaceAll("'", '%27')}`
  const head = `curl -s '${url}' -H 'X-API-Key: ${key ?? '$KEY'}'`.replace("'X-API-Key: $KEY'", '"X-API-Key: $KEY"')
  if (body === undefined) return head
  return `${head} -H 'Content-Type: application/json' -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`
}

/** What to call, and with which key. */
export function printCalls(key: string | undefined, calls: string[]): void {
  if (key) print(`\nKey, shown only now: ${key}\n\nTry:`)
  else print('\nThe key was shown when it was minted, at the first start; put it into $KEY.\n\nTry:')
  for (const call of calls) print(`\n  ${call}`)
  print('')
}
