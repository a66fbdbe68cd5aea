/** What the query of a URL, or whoever stands for it, gives by name: the values in the order in which they were given. */
export type Params = ReadonlyMap<string, readonly string[]>

export const NO_PARAMS: Params = new Map()

const PLAIN = /^[!-$&-*,-~]*$/

/**
 * The parameters of a URL's query, without its mark (WHATWG URL, application/x-www-form-urlencoded parsing). A query with
 * nothing to decode in it, as nearly all are, is taken apart here: the platform's own parser takes several times as long.
 */
export function parseQuery(query: string): Params {
  if (query === '') return NO_PARAMS
  const params = new Map<string, string[]>()
  if (PLAIN.test(query)) {
    // the next of them, looked for no more than once
    let equals = query.indexOf('=')
    for (let from = 0; from < query.length; ) {
      const ampersand = query.indexOf('&', from)
      const end = ampersand < 0 ? query.length : ampersand
      if (equals >= 0 && equals < from) equals = query.indexOf('=', from)
      if (equals >= 0 && equals < end) addParam(params, query.slice(from, equals), query.slice(equals + 1, end))
      else if (end > from) addParam(params, query.slice(from, end), '')
      from = end + 1
    }
  } else for (const [name, value] of new URLSearchParams(`?${query}`)) addParam(params, name, value)
  return params
}

/** One value more. */
export function addParam(params: Map<string, string[]>, name: string, value: string): void {
  const values = params.get(name)
  if (values) values.push(value)
  else params.set(name, [value])
}
