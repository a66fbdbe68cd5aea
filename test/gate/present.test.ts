import { describe, expect, test } from 'bun:test'
import { presentedKey } from '../../src/gate/present.ts'
import { mintSecret } from '../../src/lib/secret.ts'

const key = mintSecret('dk')
const token = mintSecret('hf')
const basic = (text: string) => Buffer.from(text).toString('base64')

const TABLE: [string, Record<string, string>, string | undefined][] = [
  ['nothing', {}, undefined],
  ['X-API-Key', { 'x-api-key': key }, key],
  ['X-API-Key with spaces around it', { 'x-api-key': `  ${key} ` }, key],
  ['ApiKey', { authorization: `ApiKey ${key}` }, key],
  ['apikey in small letters, more spaces', { authorization: `apikey   ${key}` }, key],
  ['Bearer', { authorization: `Bearer ${key}` }, key],
  ['BEARER', { authorization: `BEARER ${key}` }, key],
  ["a Bearer that is a user's token is no key", { authorization: `Bearer ${token}` }, undefined],
  ['nor is a session', { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }, undefined],
  ['Basic, as password', { authorization: `Basic ${basic(`user:${key}`)}` }, key],
  ['Basic without a user', { authorization: `basic ${basic(`:${key}`)}` }, key],
  ['Basic with a colon in the password', { authorization: `Basic ${basic(`a:${key}:x`)}` }, `${key}:x`],
  ['Basic with the key as user', { authorization: `Basic ${basic(`${key}:`)}` }, undefined],
  ['Basic without a colon', { authorization: `Basic ${basic(key)}` }, undefined],
  ['Basic that is no base64', { authorization: 'Basic !!!' }, undefined],
  ['another scheme', { authorization: `Digest ${key}` }, undefined],
  ['no scheme', { authorization: key }, undefined],
  ['X-API-Key wins over the others', { 'x-api-key': 'other', authorization: `ApiKey ${key}` }, 'other'],
  ['even when it is empty', { 'x-api-key': '', authorization: `ApiKey ${key}` }, ''],
  ['what is no key at all is presented all the same', { 'x-api-key': "' OR 1=1 --" }, "' OR 1=1 --"],
]

describe('which key a request presents', () => {
  for (const [what, headers, presented] of TABLE)
    test(what, () => expect(presentedKey(new Headers(headers))).toBe(presented as never))
})
