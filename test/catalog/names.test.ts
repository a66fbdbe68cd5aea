import { describe, expect, test } from 'bun:test'
import {
  checkDatasetName,
  checkDeploymentName,
  checkEndpointId,
  checkModelName,
  checkServiceKey,
  checkSlug,
} from '../../src/catalog/names.ts'
import { cpuOf } from '../harness.ts'
import { refused } from './catalog-fixture.ts'

const TABLE: [string, (name: string) => void, string[], string[]][] = [
  [
    'project slugs',
    checkSlug,
    ['a', '0', 'nyc.flights_2-x', 'constructor', 'x'.repeat(63)],
    [
      '',
      'A',
      '.a',
      '-a',
      '__proto__',
      'x'.repeat(64),
      'a b',
      'a/b',
      'a\n',
      'é',
      'models',
      'chat',
      'completions',
      'embeddings',
      'responses',
    ],
  ],
  [
    'service keys',
    checkServiceKey,
    ['a', 'Flights_2-x', 'constructor', 'x'.repeat(128)],
    ['', 'a.b', '_a', '-a', '__proto__', 'x'.repeat(129), 'a b', 'a/b', 'a%2f', 'a\n', '..'],
  ],
  [
    'datasets',
    checkDatasetName,
    ['marts.flights', '_a._b', 'A1.$x'.replace('.$', '._$'), 'a-b.c-d', `${'x'.repeat(63)}.${'y'.repeat(63)}`],
    [
      'flights',
      '.a',
      'a.',
      'a.b.c',
      '1a.b',
      'a.1b',
      'a .b',
      'a."b"',
      "a.b'; DROP TABLE x; --",
      'a/../b.c',
      'a.b\n',
      `${'x'.repeat(64)}.a`,
    ],
  ],
  [
    'models',
    checkModelName,
    ['late_arrival', '1.x', 'x'.repeat(128)],
    ['', '.a', '_a', 'a b', 'a/b', 'x'.repeat(129), 'a:1'],
  ],
  [
    'deployments',
    checkDeploymentName,
    ['a', 'a-b', '0', 'x'.repeat(63)],
    ['', '-a', 'a-', 'A', 'a.b', 'a_b', 'x'.repeat(64)],
  ],
  [
    'endpoint ids',
    checkEndpointId,
    ['customer', 'a b', 'a/b', 'é', '__proto__', '.a', '%2e', 'x'.repeat(128)],
    ['', '.', '..', '...', 'a\nb', 'a\0', '\u007f', '\ud800', 'x'.repeat(129), 'runs', 'openapi.json'],
  ],
]

describe('names that URLs, files and other routes can bear', () => {
  for (const [what, check, good, bad] of TABLE)
    test(what, () => {
      for (const name of good) expect(() => check(name)).not.toThrow()
      for (const name of bad)
        expect([name, refused(() => check(name))]).toEqual([name, expect.stringMatching(/^(409|422) /)])
    })
})

test('no check takes long, whatever the name', () => {
  const taken = cpuOf(() => {
    for (const [, check] of TABLE)
      for (const name of ['a'.repeat(100_000), `${'a-'.repeat(50_000)}!`, '.'.repeat(100_000), 'a.'.repeat(50_000)])
        try {
          check(name)
        } catch {}
  })
  expect(taken).toBeLessThan(1000)
})
