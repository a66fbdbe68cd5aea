/** The code that the console shows for a call: each sample, run as it stands, has the same answer. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pretty } from '../../src/console/api/exact-json.ts'
import { type SampleCall, samplesOf } from '../../src/console/areas/keys/samples.ts'
import { exampleOfSchema } from '../../src/console/areas/keys/schema-example.ts'
import { exampleOf, shapeOf } from '../../src/console/areas/keys/shape.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder } from '../harness.ts'

setDefaultTimeout(180_000)

const PYTHON = ['/usr/bin/python3', 'python3'].find(
  python => Bun.which(python) && Bun.spawnSync([python, '-c', 'import requests']).exitCode === 0,
)
if (!PYTHON && process.env.CI) throw new Error('no Python with requests is installed, and in CI nothing is skipped')
if (!PYTHON)
  console.warn('the Python sample is skipped: no Python with requests (Debian: apt-get install python3-requests)')

const ECHO = `export default request => ({ body: request.body, query: request.query })`
const NOTE = `export default (_, host) => host.reply('a note')`
const STRANGE = `it's "quoted" $HOME \`id\` \\n é %20 & = #`

describe('samples', () => {
  let callgate: Callgate
  let key: string
  beforeAll(async () => {
    callgate = await startCallgate({
      flags: ['--scoring-workers', '1'],
      manifest: {
        projects: [
          {
            slug: 'p',
            name: 'p',
            services: [
              {
                key: 'echoes',
                title: 'Echoes',
                publish: true,
                endpoints: [
                  { id: 'back', kind: 'function', handler: ECHO, methods: ['POST'] },
                  { id: 'note', kind: 'function', handler: NOTE },
                  { id: 'asked', kind: 'function', handler: ECHO, methods: ['GET'] },
                ],
              },
            ],
          },
        ],
      },
    })
    const [{ id }] = (await callgate.admin('GET', '/api/publish/assets')).json
    key = (await callgate.admin('POST', `/api/publish/assets/${id}/api-keys`, { name: 'k' })).json.key
  })
  afterAll(cleanUp)

  const base = () => ({ origin: callgate.url, service: 'echoes', serviceId: 1 })
  const calls = (): [string, SampleCall, object][] => [
    [
      'a body',
      {
        ...base(),
        endpoint: 'back',
        method: 'POST',
        query: [],
        body: { text: STRANGE, on: true, off: null, n: [1.5] },
      },
      { body: { text: STRANGE, on: true, off: null, n: [1.5] }, query: {} },
    ],
    [
      'a member that is called as what objects have',
      { ...base(), endpoint: 'back', method: 'POST', query: [], body: { ['__proto__']: STRANGE, n: 1 } },
      { body: { ['__proto__']: STRANGE, n: 1 }, query: {} },
    ],
    [
      'a query',
      {
        ...base(),
        endpoint: 'asked',
        method: 'GET',
        query: [
          ['a', STRANGE],
          ['b', '1'],
          ['b', '2'],
        ],
      },
      { query: { a: STRANGE, b: ['1', '2'] } },
    ],
  ]
  const run = (language: string, code: string, env: Record<string, string>): string => {
    const file = join(temporaryFolder(), 'sample.ts')
    writeFileSync(file, code)
    const command =
      language === 'curl' ? ['bash', file] : language === 'Python' ? [PYTHON!, file] : [process.execPath, file]
    const { stdout, stderr, exitCode } = Bun.spawnSync(command, { env: { PATH: process.env.PATH ?? '', ...env } })
    expect(`${exitCode} ${stderr}`).toBe('0 ')
    return stdout.toString()
  }

  for (const language of ['curl', 'TypeScript', 'Python'])
    test.skipIf(language === 'Python' && !PYTHON)(`${language} runs as it stands, whatever is in it`, () => {
      for (const withKey of [true, false])
        for (const [, call, expected] of calls()) {
          const samples = samplesOf(withKey ? { ...call, key } : call)
          const { code } = samples.find(sample => sample.language === language)!
          expect(code.includes(key)).toBe(withKey)
          // curl prints JSON, the languages their own notation of it
          const printing = code
            .replace('print(answer.json())', 'print(answer.text)')
            .replace('console.log(await answer.json())', 'console.log(await answer.text())')
          expect(JSON.parse(run(language, printing, { CALLGATE_KEY: key }))).toEqual(expected)
        }
    })

  test('an answer that may be no JSON is printed as it is', () => {
    const { answersText } = shapeOf({ id: 'note', kind: 'function', handler: NOTE }, { datasets: [], models: [] })
    for (const language of PYTHON ? ['TypeScript', 'Python'] : ['TypeScript']) {
      const call = { ...base(), endpoint: 'note', method: 'POST', query: [] satisfies [], body: {}, answersText, key }
      const { code } = samplesOf(call).find(sample => sample.language === language)!
      expect(run(language, code, {})).toBe('a note\n')
    }
  })

  test('the SDK’s sample of a POST has its query too', () => {
    const call = { ...base(), endpoint: 'back', method: 'POST', body: { n: 1 } }
    const code = (query: [string, string][]) =>
      samplesOf({ ...call, query }).find(({ language }) => language === 'Honeyframe SDK')!.code
    expect(code([])).toContain('service.call("back", payload={"n": 1}, api_key=')
    expect(code([['a', '1']])).toContain('service.call("back", payload={"n": 1}, params={"a": "1"}, api_key=')
  })

  test('a method that the SDK does not have has no sample of it', () => {
    const call = { ...base(), endpoint: 'back', method: 'DELETE', query: [] satisfies [] }
    expect(samplesOf(call).map(({ language }) => language)).toEqual(['curl', 'Python', 'TypeScript'])
  })
})

describe('what a call is to begin with', () => {
  const all = (properties: Record<string, object>) => ({
    type: 'object',
    properties,
    required: Object.keys(properties),
  })
  const $defs = {
    Point: all({ x: { type: 'number', minimum: 5 } }),
    Endless: all({ next: { $ref: '#/$defs/Endless' } }),
  }
  test.each<[object | undefined, unknown]>([
    [undefined, {}],
    [
      all({ a: { type: ['null', 'string'] }, b: { const: null }, c: { default: false }, d: { enum: [null, 1] } }),
      { a: 'text', b: null, c: false, d: null },
    ],
    [
      all({
        n: { type: 'integer', exclusiveMinimum: 3 },
        m: { type: 'number', maximum: 0 },
        t: { type: 'string', minLength: 6 },
      }),
      { n: 4, m: 0, t: 'text..' },
    ],
    [
      all({
        day: { type: 'string', format: 'date' },
        list: { type: 'array', minItems: 2, items: { type: 'boolean' } },
      }),
      { day: '2026-01-31', list: [true, true] },
    ],
    [{ $ref: '#/$defs/Point', $defs }, { x: 5 }],
    [{ ...all({ p: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/Point' }] } }), $defs }, { p: { x: 5 } }],
    [
      { allOf: [{ $ref: '#/$defs/Point' }, all({ y: { type: 'null' } })], $defs },
      { x: 5, y: null },
    ],
    [{ type: 'string', examples: [STRANGE, 'b'] }, STRANGE],
    [all({ ['__proto__']: { type: 'string' } }), { ['__proto__']: 'text' }],
  ])('fits %j', (schema, value) => expect(exampleOfSchema(schema)).toEqual(value))

  test('has an end where a schema has none', () => {
    expect(exampleOfSchema({ $ref: '#/$defs/Endless', $defs })).toBeObject()
  })

  test('of a picture is a list to be filled in: its values would be a text of megabytes', () => {
    expect(exampleOf({ name: 'pixels', input: 'pixels', type: 'float32', shape: [3, 224, 224] })).toEqual([])
    expect(exampleOf({ name: 'pair', input: 'pair', type: 'bool', shape: [null, 2] })).toEqual([[true, true]])
  })

  test('has the type that a filter on an aggregate takes', () => {
    const { parameters } = shapeOf(
      {
        id: 'of',
        kind: 'sql',
        query: {
          source: { schema: 'm', table: 'sales' },
          columns: [
            { fn: 'count', as: 'n' },
            { fn: 'avg', column: 'price' },
            { fn: 'sum', column: 'price' },
            { fn: 'max', column: 'day' },
          ],
          having: ['n', 'avg_price', 'sum_price', 'max_day'].map(column => ({ column, op: 'gte', param: column })),
        },
      },
      {
        datasets: [
          {
            name: 'm.sales',
            columns: [
              { name: 'price', data_type: 'decimal' },
              { name: 'day', data_type: 'date' },
            ],
          } as never,
        ],
        models: [],
      },
    )
    expect(parameters.map(({ type }) => type).slice(0, 4)).toEqual(['integer', 'float', 'decimal', 'date'])
  })
})

test('an answer is broken into lines, and what is no JSON stays as it is', () => {
  expect(pretty('{"a":[1,2]}')).toBe('{\n  "a": [\n    1,\n    2\n  ]\n}')
  expect(pretty('no json')).toBe('no json')
})
