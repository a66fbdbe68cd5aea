import { expect, test } from 'bun:test'
import type { World } from '../honeyframe/world.ts'
import { expectRefusal, JSON_TYPE, MARK, nested, SERVICE } from './refusal.ts'

export function badCalls(world: World): void {
  test.each<[string, string, number[]]>([
    ['SQL in a number', `customer?id=1%27%20OR%20%271%27=%271%20--%20${MARK}`, [422]],
    ['an unknown column', `customer?id=1&ssn=${MARK}`, [400]],
    ['SQL as a parameter name', 'customer?id=1&id%27%20OR%201=1--=1', [400]],
    ['a NUL in a value', `search?region=${MARK}%00`, [422]],
    ['a NUL in a name', 'search?reg%00ion=1', [400]],
    ['a NUL in the path', 'cust%00omer?id=1', [404]],
    ['invalid UTF-8 in a value', `customer?id=${MARK}%ff%fe`, [422]],
    ['a lone surrogate in a value', 'customer?id=%ED%A0%80', [422]],
    ['half a percent sequence', 'customer?id=%E0%A4%A', [422]],
    ['half a percent sequence in the path', '%E0%A4%A?id=1', [404]],
    ['a huge number', 'customer?id=1e999', [422]],
    ['a number of 5000 digits', `customer?id=${'9'.repeat(5000)}`, [422]],
    ['an id of 10,000 characters', `customer?id=${MARK}${'x'.repeat(10_000)}`, [422]],
    ['an endpoint of 10,000 characters', 'x'.repeat(10_000), [404]],
    ['a value twice', `customer?id=1&id=${MARK}`, [422]],
    ['a parameter 3000 times', `search?${'region=a&'.repeat(1500)}`, [422]],
    ['501 values of a list', `search?${'plan=a&'.repeat(501)}`, [422]],
    ['2000 parameters', `search?${Array.from({ length: 1500 }, (_, i) => `p${i}=`).join('&')}`, [400]],
    ['__proto__', `customer?id=1&__proto__=${MARK}`, [400]],
    ['constructor', `customer?id=1&constructor=${MARK}`, [400]],
    ['an endpoint called __proto__', '__proto__', [404]],
    ['an endpoint called constructor', 'constructor', [404]],
    ['dots', '..%2f..%2fetc%2fpasswd', [404]],
    ['a huge limit', 'search?limit=99999999999999999999', [422]],
    ['a negative offset', 'search?offset=-1', [422]],
    ['an empty query', 'customer?', [422]],
    ['a query of ampersands', 'customer?&&&=&==&', [400, 422]],
  ])('%s', async (what, path, statuses) => expectRefusal(await world.serve(path), what, statuses))

  test('SQL in a text is only a text', async () => {
    for (const text of ["' OR 1=1 --", "x'; DROP TABLE data; --", '" UNION SELECT ssn FROM t0 --', "%' OR '%"]) {
      const answer = await world.serve(`search?region=${encodeURIComponent(text)}`)
      expect([answer.status, answer.json.rows]).toEqual([200, []])
    }
  })

  test.each<[string, string, number[]]>([
    ['no JSON', `{"features": ${MARK}`, [400]],
    ['an empty body', '', [400]],
    ['nested 100,000 deep', nested('[', ']'), [400, 422]],
    ['objects nested 100,000 deep', nested('{"a":', '}').replace('}', '1}'), [400, 422]],
    ['a feature nested 100,000 deep', `{"features":{"tenure":${nested('[', ']')},"plan":"a"}}`, [400, 422]],
    ['only opening brackets', '['.repeat(100_000), [400]],
    ['a list', `["${MARK}"]`, [422]],
    ['a text', `"${MARK}"`, [422]],
    ['__proto__ as the body', `{"__proto__":{"features":{"tenure":1,"plan":"${MARK}"}}}`, [422]],
    ['__proto__ as the features', `{"features":{"__proto__":{"tenure":1,"plan":"${MARK}"}}}`, [422]],
    ['constructor', `{"constructor":{"prototype":{"features":"${MARK}"}}}`, [422]],
    ['a number beyond a double', '{"features":{"tenure":1e999,"plan":"a"}}', [422]],
    ['an integer of 5000 digits for a text', `{"features":{"tenure":1,"plan":${'9'.repeat(5000)}}}`, [422]],
    ['a text for a number', `{"features":{"tenure":"${MARK}","plan":"a"}}`, [422]],
    ['20,000 bad rows', `{"rows":[${`"${MARK}",`.repeat(20_000)}{}]}`, [422]],
    ['rows of every shape', `{"rows":[null,1,"${MARK}",[],[[]],{"tenure":{}},{"plan":[]}]}`, [422]],
  ])('a model body: %s', async (what, body, statuses) =>
    expectRefusal(await world.score(body, JSON_TYPE), what, statuses),
  )

  test('odd characters in a text feature are a text, but for what the runtime would make another one of', async () => {
    for (const plan of ['"\\ud83d\\ude00"', '"\\uffff"', `"${'x'.repeat(100_000)}"`])
      expect((await world.score(`{"features":{"tenure":1,"plan":${plan}}}`, JSON_TYPE)).status).toBe(200)
    for (const plan of ['"\\u0000"', '"\\ud800"'])
      expect((await world.score(`{"features":{"tenure":1,"plan":${plan}}}`, JSON_TYPE)).status).toBe(422)
  })

  test('wrong content types and encodings are 415', async () => {
    for (const type of ['text/plain', ';;;', 'application/xml', 'json', `text/${MARK}`, 'application/json-seq'])
      expectRefusal(await world.score('{}', { 'content-type': type }), type, [415])
    for (const encoding of ['br', 'gzip, gzip', 'deflate', MARK])
      expectRefusal(await world.score('{}', { ...JSON_TYPE, 'content-encoding': encoding }), encoding, [415])
  })

  test('keys that are none are 401, whatever they look like', async () => {
    const odd = [
      '',
      ' ',
      'dk_',
      `dk_${MARK}`,
      `dk_${'0'.repeat(36)}`,
      'x'.repeat(10_000),
      'dk_é',
      '__proto__',
      'null',
      "' OR 1=1 --",
    ]
    for (const key of odd)
      expectRefusal(await world.serve('customer?id=1', { key, headers: world.stranger() }), key, [401])
    for (const authorization of [
      'Bearer',
      'Bearer ',
      'Basic !!!',
      `Basic ${btoa('nocolon')}`,
      `ApiKey ${MARK}`,
      'x'.repeat(10_000),
      'Digest a=b',
    ])
      expectRefusal(
        await world.call(`${SERVICE}customer?id=1`, { headers: { authorization, ...world.stranger() } }),
        authorization,
        [401],
      )
  })
}
