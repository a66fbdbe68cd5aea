import { unprocessable } from '../lib/fault.ts'
import { isObject } from '../lib/json.ts'
import { addParam, type Params } from '../lib/params.ts'

/** `{"id": 42, "origin": ["JFK", "LGA"]}` as a query string would say it. @throws Fault 422 */
export function paramsOf(values: unknown): Params {
  if (!isObject(values)) throw unprocessable("The endpoint's parameters are a JSON object.")
  const params = new Map<string, string[]>()
  for (const [name, value] of Object.entries(values))
    for (const one of [value].flat()) {
      if (typeof one === 'object' && one !== null) throw unprocessable('A parameter is a value or a list of values.')
      addParam(params, name, one === null ? '' : String(one))
    }
  return params
}
