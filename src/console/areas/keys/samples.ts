/** A call as code: each sample runs as it stands. */
import { isExactNumber, losesNumbers } from '../../api/exact-json.ts'
import type { Sample } from '../../ui/code-sample.tsx'

interface Call {
  method: string
  query: [name: string, value: string][]
  /** a value of JSON, as `exactJson` reads it; undefined: no body */
  body?: unknown
  /** undefined: taken from the environment variable CALLGATE_KEY */
  key?: string
  /** the answer is not known to be JSON */
  answersText?: boolean
}

/** Of an endpoint. */
export interface SampleCall extends Call {
  /** the server's, without a slash at the end */
  origin: string
  service: string
  /** the service's id, by which the Honeyframe SDK finds it */
  serviceId: number
  endpoint: string
}

/** Of whatever has a URL. */
export interface HttpCall extends Call {
  /** without the query */
  url: string
}

export const KEY_VARIABLE = 'CALLGATE_KEY'
const TOKEN_VARIABLE = 'CALLGATE_TOKEN'

export const httpSamples = (call: HttpCall): Sample[] => [
  { language: 'curl', code: curl(call) },
  { language: 'Python', code: python(call) },
  { language: 'TypeScript', code: typescript(call) },
]

export const samplesOf = (call: SampleCall): Sample[] => [
  ...httpSamples({ ...call, url: pathOf(call) }),
  ...(call.method === 'GET' || call.method === 'POST' ? [{ language: 'Honeyframe SDK', code: honeyframe(call) }] : []),
]

const pathOf = ({ origin, service, endpoint }: SampleCall) =>
  `${origin}/api/service/${encodeURIComponent(service)}/${encodeURIComponent(endpoint)}`

const urlOf = ({ url, query }: HttpCall) => {
  const search = new URLSearchParams(query).toString()
  return search ? `${url}?${search}` : url
}

/** A word of a shell, whatever is in it. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

function curl(call: HttpCall): string {
  const key = call.key === undefined ? `"X-API-Key: $${KEY_VARIABLE}"` : quoted(`X-API-Key: ${call.key}`)
  const method = call.method === (call.body === undefined ? 'GET' : 'POST') ? '' : ` -X ${call.method}`
  const lines = [`curl -s${method} ${quoted(urlOf(call))}`, `-H ${key}`]
  if (call.body !== undefined)
    lines.push(`-H ${quoted('Content-Type: application/json')}`, `--data-raw ${quoted(JSON.stringify(call.body))}`)
  return lines.join(' \\\n  ')
}

function python(call: HttpCall): string {
  const fromOutside = call.key === undefined
  const arguments_ = [
    pythonValue(call.url),
    ...(call.query.length > 0 ? [`params=${pythonPairs(call.query)}`] : []),
    ...(call.body === undefined ? [] : [`json=${pythonValue(call.body)}`]),
    `headers={"X-API-Key": ${fromOutside ? `os.environ["${KEY_VARIABLE}"]` : pythonValue(call.key)}}`,
    'timeout=30',
  ]
  return [
    ...(fromOutside ? ['import os', ''] : []),
    'import requests',
    '',
    `answer = requests.${call.method.toLowerCase()}(`,
    ...arguments_.map(argument => `    ${argument},`),
    ')',
    'answer.raise_for_status()',
    `print(answer.${call.answersText ? 'text' : 'json()'})`,
  ].join('\n')
}

function typescript(call: HttpCall): string {
  const key = call.key === undefined ? `process.env.${KEY_VARIABLE}!` : JSON.stringify(call.key)
  const headers = [
    `'X-API-Key': ${key}`,
    ...(call.body === undefined ? [] : [`'Content-Type': 'application/json'`]),
  ].join(', ')
  return [
    `const answer = await fetch(${JSON.stringify(urlOf(call))}, {`,
    ...(call.method === 'GET' ? [] : [`  method: '${call.method}',`]),
    `  headers: { ${headers} },`,
    ...(call.body === undefined ? [] : [`  body: ${typescriptBody(JSON.stringify(call.body))},`]),
    '})',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the sample's
    'if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)',
    `console.log(await answer.${call.answersText ? 'text' : 'json'}())`,
  ].join('\n')
}

/** A number that TypeScript would round goes as text, and so does a member that would not be one in an object's source. */
const typescriptBody = (json: string) =>
  losesNumbers(json) || json.includes('"__proto__":') ? JSON.stringify(json) : `JSON.stringify(${json})`

/** The SDK finds services with a user's token, and calls them with a key. */
function honeyframe(call: SampleCall): string {
  const key = call.key === undefined ? `os.environ["${KEY_VARIABLE}"]` : pythonValue(call.key)
  const params = `params=${pythonPairs(call.query)}`
  const what =
    call.method === 'GET'
      ? `method="GET", ${params}`
      : `payload=${pythonValue(call.body ?? {})}${call.query.length > 0 ? `, ${params}` : ''}`
  return [
    'import os',
    '',
    'from honeyframeapi import HoneyframeClient',
    '',
    `client = HoneyframeClient(base_url=${pythonValue(call.origin)}, token=os.environ["${TOKEN_VARIABLE}"])`,
    `service = client.get_api_service(${call.serviceId})`,
    `print(service.call(${pythonValue(call.endpoint)}, ${what}, api_key=${key}))`,
  ].join('\n')
}

/** A parameter that is given several times is a list. */
function pythonPairs(pairs: [string, string][]): string {
  const together = new Map<string, string[]>()
  for (const [name, value] of pairs) together.set(name, [...(together.get(name) ?? []), value])
  return pythonValue(Object.fromEntries([...together].map(([name, all]) => [name, all.length > 1 ? all : all[0]])))
}

/** A value of JSON as Python writes it. */
function pythonValue(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`
  if (typeof value === 'object' && !isExactNumber(value))
    return `{${Object.entries(value)
      .map(([name, inner]) => `${JSON.stringify(name)}: ${pythonValue(inner)}`)
      .join(', ')}}`
  return JSON.stringify(value)
}
