import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigError, environmentName, readConfig, SETTINGS, settingsHelp } from '../src/config.ts'

const read = (argv: string[] = [], env: Record<string, string> = {}) => readConfig(argv, env)
const config = (...argv: string[]) => read(argv).config
/** Everything that is wrong, a line each. */
function faults(argv: string[], env: Record<string, string> = {}): string[] {
  try {
    read(argv, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
  throw new Error('it was taken')
}

/** setting -> texts that are taken, with what they mean, and texts that are not */
const TABLE: Partial<Record<keyof typeof SETTINGS, { good: [string, unknown][]; bad?: string[] }>> = {
  manifest: {
    good: [
      ['', undefined],
      ['/x/m.yaml', '/x/m.yaml'],
      ['m.yaml', resolve('m.yaml')],
    ],
  },
  dataDir: {
    good: [
      ['/x/d', '/x/d'],
      ['d', resolve('d')],
    ],
    bad: [''],
  },
  runtimeDir: {
    good: [
      ['', undefined],
      ['/x/r', '/x/r'],
    ],
  },
  host: {
    good: [
      ['0.0.0.0', '0.0.0.0'],
      ['::1', '::1'],
    ],
  },
  port: {
    good: [
      ['0', 0],
      ['65535', 65535],
    ],
    bad: ['', '-1', '65536', '80.5', '0x50', 'http', '8080 '],
  },
  scoring: {
    good: [
      ['worker', 'worker'],
      ['subprocess', 'subprocess'],
    ],
    bad: ['', 'Worker', 'thread', 'constructor'],
  },
  scoringWorkers: {
    good: [
      ['1', 1],
      ['64', 64],
    ],
    bad: ['0', '65', '1.5', ''],
  },
  queryWorkers: {
    good: [
      ['1', 1],
      ['64', 64],
    ],
    bad: ['0', '65', 'many'],
  },
  requestTimeout: {
    good: [
      ['30s', 30_000],
      ['500ms', 500],
      ['2m', 120_000],
      ['1.5', 1500],
      ['0.1s', 100],
    ],
    bad: ['0', '99ms', '241s', '5m', '1h', '-1s', '1e3', 's', '', '30 s', '1..5s'],
  },
  drainDelay: {
    good: [
      ['0s', 0],
      ['0', 0],
      ['1m', 60_000],
    ],
    bad: ['61s', '-1s'],
  },
  maxBody: {
    good: [
      ['16MiB', 16 * 1024 ** 2],
      ['512KB', 512 * 1024],
      ['1 GB', 1024 ** 3],
      ['1024', 1024],
      ['7b', 7],
      ['2gib', 2 * 1024 ** 3],
    ],
    bad: ['', '1.5MB', '-1', 'MB', '1TB', '1e6', '16MiB ', '9'.repeat(30), '9999999999GB'],
  },
  maxUpload: { good: [['2GiB', 2 * 1024 ** 3]], bad: ['lots'] },
  corsOrigins: {
    good: [
      ['', []],
      ['*', ['*']],
      ['https://a.example, http://b.example:8080', ['https://a.example', 'http://b.example:8080']],
    ],
    bad: [
      'https://a.example/',
      'https://a.example/path',
      'a.example',
      'https://*.example',
      'HTTPS://A.example',
      'null',
    ],
  },
  hostDomain: {
    good: [
      ['', ''],
      ['localhost', 'localhost'],
      ['Serve-1.example.', 'Serve-1.example.'],
      ['serve.example', 'serve.example'],
    ],
    bad: [
      'http://serve.example',
      'serve.example:8080',
      'serve.example/x',
      '*.serve.example',
      'a..b',
      '.',
      '-a.b',
      'a b',
    ],
  },
  logLevel: {
    good: [
      ['debug', 'debug'],
      ['silent', 'silent'],
    ],
    bad: ['trace', 'INFO', ''],
  },
}

describe('each setting takes what it means and nothing else', () => {
  for (const [name, { good, bad = [] }] of Object.entries(TABLE))
    test(name, () => {
      const { flag } = SETTINGS[name as keyof typeof SETTINGS]
      for (const [text, meaning] of good)
        expect([text, config(`--${flag}=${text}`)[name as keyof typeof SETTINGS] as unknown]).toEqual([text, meaning])
      for (const text of bad) {
        const [fault, ...more] = faults([`--${flag}=${text}`])
        expect([text, fault, more]).toEqual([text, expect.stringMatching(new RegExp(`^--${flag} must `)), []])
      }
    })

  test('trustedProxies', () => {
    const of = (text: string) =>
      config('--trusted-proxies', text).trustedProxies.map(([address, bits]) => `${address}/${bits}`)
    expect(of('')).toEqual([])
    expect(of('10.0.0.0/8, 192.0.2.7,2001:db8::/32,::1')).toEqual([
      '10.0.0.0/8',
      '192.0.2.7/32',
      '2001:db8::/32',
      '::1/128',
    ])
    expect(of('::ffff:10.0.0.0/104,::ffff:192.0.2.7,::/0,0.0.0.0/0')).toEqual([
      '10.0.0.0/8',
      '192.0.2.7/32',
      '::/0',
      '0.0.0.0/0',
    ])
    // 0.0.0.10 and 172.0.0.16, as some read them
    for (const bad of ['10/8', '172.16/12', '10', '0x0a.0.0.0/8', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/ 8'])
      expect(faults(['--trusted-proxies', bad])).toHaveLength(1)
    for (const bad of ['10.0.0.0/33', 'proxy.example', '10.0.0.0/8;::1', '300.1.1.1'])
      expect(faults(['--trusted-proxies', bad])).toEqual([
        '--trusted-proxies must be addresses or networks such as 10.0.0.0/8, separated by commas',
      ])
  })
})

describe('where settings come from', () => {
  test('every one has a default that is taken', () => {
    const { config: defaults, positional } = read()
    expect(Object.keys(defaults).sort()).toEqual([...Object.keys(SETTINGS), 'given'].sort())
    expect(defaults).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      scoring: 'worker',
      requestTimeout: 30_000,
      maxBody: 16 * 1024 ** 2,
      corsOrigins: [],
    })
    expect(positional).toEqual([])
  })
  test('every one has an environment variable, which a flag goes before', () => {
    for (const [name, setting] of Object.entries(SETTINGS)) {
      const given = TABLE[name as keyof typeof SETTINGS]?.good.at(-1)
      if (!given || setting.flag.startsWith('tls')) continue
      const variable = `CALLGATE_${setting.flag.toUpperCase().replaceAll('-', '_')}`
      expect(environmentName(setting.flag)).toBe(variable)
      expect(read([], { [variable]: given[0] }).config[name as keyof typeof SETTINGS] as unknown).toEqual(given[1])
    }
    expect(read(['--port', '1'], { CALLGATE_PORT: '2' }).config.port).toBe(1)
    expect(read(['--port=1'], { CALLGATE_PORT: 'nonsense' }).config.port).toBe(1)
  })
  test('what Kubernetes sets beside a Service that is called callgate is no port', () => {
    const env = {
      CALLGATE_PORT: 'tcp://10.96.7.1:8080',
      CALLGATE_PORT_8080_TCP_PROTO: 'tcp',
      CALLGATE_SERVICE_PORT: '8080',
    }
    const { config } = readConfig([], env)
    expect([config.port, config.given]).toEqual([8080, {}])
    expect(readConfig(['--port', '81'], env).config.port).toBe(81)
    expect(() => readConfig(['--port', 'tcp://10.96.7.1:8080'], {})).toThrow('--port must be')
  })

  test('what is no flag is a positional, in order; the last of a flag given twice holds', () => {
    const { config: c, positional } = read(['a.csv', '--port', '1', 'b.onnx', '--port=2'])
    expect([c.port, positional]).toEqual([2, ['a.csv', 'b.onnx']])
  })
  test('a value may hold an equals sign', () => expect(config('--data-dir=/a=b').dataDir).toBe('/a=b'))
})

describe('what is wrong', () => {
  test('is told all at once, by the name that was used', () => {
    expect(
      faults(['--prot', '1', '--port', 'x', '--scoring'], { CALLGATE_QUERY_WORKERS: '0', CALLGATE_MAX_BODY: 'huge' }),
    ).toEqual([
      '--prot is not a setting; did you mean --port?',
      '--scoring needs a value',
      '--port must be a whole number from 0 to 65535',
      'CALLGATE_QUERY_WORKERS must be a whole number from 1 to 64',
      'CALLGATE_MAX_BODY must be a size such as 16MiB',
    ])
  })
  test('a near miss is named', () =>
    expect(faults(['--scoring-worker', '2'])).toEqual([
      '--scoring-worker is not a setting; did you mean --scoring-workers?',
    ]))
  test('a flag is no value of the one before it', () => {
    expect(faults(['--manifest', '--port', '1'])).toEqual(['--manifest needs a value'])
  })
  test('a name that every object has is no setting', () => {
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(faults([`--${name}`, 'x'])[0]).toStartWith(`--${name} is not a setting`)
  })
  test('a certificate without its key, and the other way round', () => {
    for (const flag of ['--tls-cert', '--tls-key'])
      expect(faults([flag, 'x.pem'])).toEqual(['--tls-cert and --tls-key go together'])
    expect(config('--tls-cert', '/c', '--tls-key', '/k')).toMatchObject({ tlsCert: '/c', tlsKey: '/k' })
  })
  test('never repeats the value', () => {
    for (const fault of faults([
      '--port',
      'SECRET',
      '--max-body',
      'SECRET',
      '--cors-origins',
      'SECRET',
      '--scoring',
      'SECRET',
    ]))
      expect(fault).not.toContain('SECRET')
  })
})

describe('every setting is written down', () => {
  const README = join(import.meta.dir, '../README.md')
  test('in the help, a line each, with its default', () => {
    const lines = settingsHelp().split('\n')
    expect(lines).toHaveLength(Object.keys(SETTINGS).length)
    for (const { flag, placeholder } of Object.values(SETTINGS))
      expect(lines.find(line => line.startsWith(`  --${flag} ${placeholder}`))).toBeDefined()
    expect(settingsHelp()).toContain('(default: 8080)')
  })
  test('in the README', () => {
    expect(existsSync(README)).toBe(true)
    const readme = readFileSync(README, 'utf8')
    const missing = Object.values(SETTINGS).filter(({ flag }) => !new RegExp(`--${flag}(?![\\w-])`).test(readme))
    expect(missing.map(setting => setting.flag)).toEqual([])
  })
})
