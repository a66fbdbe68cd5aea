/** The code that the console shows for a call: each sample, run as it stands, has the same answer. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pretty } from '../../src/console/api/exact-json.ts'
import { type SampleCall, samplesOf } from '../../src/console/areas/keys/samples.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder } from '../harness.ts'

setDefaultTimeout(60_000)

const PYTHON = ['/usr/bin/python3', 'python3'].find(
  python => Bun.which(python) && Bun.spawnSync([python, '-c', 'import requests']).exitCode === 0,
)
if (!PYTHON && process.env.CI) throw new Error('no Python with requests is installed, and in CI nothing is skipped')
if (!PYTHON)
  console.warn('the Python sample is skipped: no Python with requests (Debian: apt-get install python3-requests)')

const ECHO = `export default request => ({ body: request.body, query: request.query })`
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

  test('a method that the SDK does not have has no sample of it', () => {
    const call = { ...base(), endpoint: 'back', method: 'DELETE', query: [] satisfies [] }
    expect(samplesOf(call).map(({ language }) => language)).toEqual(['curl', 'Python', 'TypeScript'])
  })
})

test('an answer is broken into lines, and what is no JSON stays as it is', () => {
  expect(pretty('{"a":[1,2]}')).toBe('{\n  "a": [\n    1,\n    2\n  ]\n}')
  expect(pretty('no json')).toBe('no json')
})
