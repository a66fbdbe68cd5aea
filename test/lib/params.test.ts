import { expect, test } from 'bun:test'
import { NO_PARAMS, parseQuery } from '../../src/lib/params.ts'

const entries = (query: string) =>
  [...parseQuery(query)].flatMap(([name, values]) => values.map(value => [name, value]))

/** As the platform reads it, with the values of a name together. */
function expected(query: string): string[][] {
  const params = new URLSearchParams(`?${query}`)
  return [...new Set(params.keys())].flatMap(name => params.getAll(name).map(value => [name, value]))
}

test('a query is read as the platform reads it, whichever way it is taken apart', () => {
  const plain = [
    'id=1',
    'a=1&b=2&a=3',
    'a',
    'a=',
    '=b',
    '=',
    '&',
    '&&a=1&',
    'a=b=c',
    '?a=1',
    'a=*-._~!$\'();:@,/[]{}|"<>^`',
  ]
  const encoded = ['a=%41', 'a+b=c+d', '%', 'a=%zz', 'a=%ff', 'n%C3%A4me=1&name=2', 'a=%00', 'é=ü', 'a=\u{1f600}']
  for (const query of [...plain, ...encoded]) expect(entries(query)).toEqual(expected(query))
})

test('of random queries too', () => {
  const alphabet = 'ab=&&==?%+41 é#'
  for (let i = 0; i < 5000; i++) {
    const length = Math.floor(Math.random() * 12)
    const query = Array.from({ length }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join('')
    expect(entries(query)).toEqual(expected(query))
  }
})

test('nothing asked is nothing given', () => {
  expect(parseQuery('')).toBe(NO_PARAMS)
  expect(parseQuery('&').size).toBe(0)
})
