import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createAsset } from '../../src/catalog/assets.ts'
import type { KeyRing } from '../../src/catalog/key-ring.ts'
import { Keys } from '../../src/catalog/keys.ts'
import type { Endpoint, Service } from '../../src/endpoints/endpoint.ts'
import type { Registry } from '../../src/endpoints/registry.ts'
import { type Admission, Gate } from '../../src/gate/gate.ts'
import { Fault } from '../../src/lib/fault.ts'
import { mintSecret } from '../../src/lib/secret.ts'
import { ACTOR, KEY, openCatalog } from '../catalog/catalog-fixture.ts'

let catalog: ReturnType<typeof openCatalog>
let keys: Keys
let ring: KeyRing
let gate: Gate
let services: Map<string, Service>
let assetId: number
const endpoint = (id: string, kind: Endpoint['kind'] = 'lookup'): Endpoint => ({
  id,
  kind,
  methods: ['GET'],
  takesBody: false,
  files: [],
  run: () => {
    throw new Error('nothing is run here')
  },
})

beforeEach(() => {
  catalog = openCatalog()
  keys = new Keys(catalog.db)
  ring = keys.ring
  const projectId = catalog.project.id
  assetId = createAsset(catalog.db, ACTOR, { projectId, assetType: 'api_service', assetKey: 'flights' }).id
  const endpoints = new Map(['a', 'b', '__proto__'].map(id => [id, endpoint(id)]))
  endpoints.set('f', endpoint('f', 'function'))
  const service = (key: string, id: number, isPublic = false): Service => ({
    assetId: id,
    projectId,
    key,
    title: key,
    isPublic,
    version: 1,
    endpoints,
  })
  // of a registry this gate asks for services only
  services = new Map([
    ['flights', service('flights', assetId)],
    ['open', service('open', 98, true)],
    ['other', { ...service('other', 99), projectId: 99 }],
  ])
  gate = new Gate(ring, services as unknown as Registry)
})
afterEach(() => catalog.close())

const mint = (fields = {}, owner: { assetId: number | null } = { assetId }) =>
  keys.mint(catalog.db, ACTOR, { projectId: catalog.project.id, ...owner }, { ...KEY, ...fields })
const admit = async (
  key: string | undefined,
  service = 'flights',
  id = 'a',
  address = '203.0.113.1',
): Promise<Admission> =>
  await gate.admit(new Headers(key === undefined ? {} : { 'x-api-key': key }), () => address, service, id)
/** `status code` */
const refused = async (...args: Parameters<typeof admit>): Promise<string> => {
  const error = await admit(...args).then(
    () => undefined,
    e => e,
  )
  if (!(error instanceof Fault)) throw new Error('it was not refused', { cause: error })
  expect(error.message).not.toContain(args[0] || 'dk_')
  return `${error.status} ${error.code}`
}

describe('the order of the checks', () => {
  test('no key, a bad one, an unknown one: 401 before anything is said of the service', async () => {
    for (const service of ['flights', 'nowhere', '__proto__']) {
      expect(await refused(undefined, service)).toBe('401 key_missing')
      for (const bad of ['', 'dk_', "' OR 1=1 --", mintSecret('dk'), mintSecret('hf'), `${mint().secret}x`])
        expect(await refused(bad, service)).toBe('401 key_unknown')
    }
  })
  test('a revoked or expired key is 403', async () => {
    const { key, secret } = mint()
    keys.update(catalog.db, ACTOR, key, { isActive: false })
    expect(await refused(secret, 'nowhere')).toBe('403 key_inactive')
    keys.update(catalog.db, ACTOR, key, { isActive: true, expiresAt: new Date(Date.now() - 1).toISOString() })
    expect(await refused(secret, 'nowhere')).toBe('403 key_expired')
  })
  test("a service that is not this key's is as unknown as one that is not there", async () => {
    const { secret } = mint()
    const answers = ['nowhere', 'other', '__proto__', 'constructor', ''].map(service => refused(secret, service))
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['404 service_unknown']))
  })
  test('the rate is counted before the endpoint is looked for', async () => {
    const { secret } = mint({ rateLimit: 2 })
    expect(await refused(secret, 'flights', 'nothing')).toBe('404 endpoint_unknown')
    expect((await admit(secret)).headers).toMatchObject({ 'ratelimit-policy': '"default";q=2;w=60' })
    expect(await refused(secret, 'flights', 'nothing')).toBe('429 rate_limited')
    expect(await refused(secret, 'nowhere')).toBe('404 service_unknown')
  })
  test('an endpoint that is not there is 404, one out of reach 403', async () => {
    const { secret } = mint({ allowedEndpoints: ['a', 'f', '__proto__'] })
    expect(await refused(secret, 'flights', 'toString')).toBe('404 endpoint_unknown')
    expect(await refused(secret, 'flights', 'b')).toBe('403 endpoint_out_of_reach')
    expect((await admit(secret, 'flights', '__proto__')).endpoint.id).toBe('__proto__')
  })
})

describe('a call that was let in is asked again', () => {
  const again = (admission: Admission, key?: string): string => {
    try {
      gate.checkAgain(new Headers(key === undefined ? {} : { 'x-api-key': key }), admission)
      return 'it goes on'
    } catch (error) {
      return error instanceof Fault ? `${error.status} ${error.code}` : String(error)
    }
  }
  test('by its key as it is now, without being counted', async () => {
    const { key, secret } = mint({ rateLimit: 1 })
    const admission = await admit(secret)
    for (let i = 0; i < 3; i++) expect(again(admission, secret)).toBe('it goes on')
    keys.update(catalog.db, ACTOR, key, { allowedEndpoints: ['b'] })
    expect(again(admission, secret)).toBe('403 endpoint_out_of_reach')
    keys.update(catalog.db, ACTOR, key, { allowedEndpoints: null, expiresAt: new Date(Date.now() - 1).toISOString() })
    expect(again(admission, secret)).toBe('403 key_expired')
    keys.update(catalog.db, ACTOR, key, { expiresAt: null, isActive: false })
    expect(again(admission, secret)).toBe('403 key_inactive')
  })
  test('by what is published now', async () => {
    const [open, secret] = [await admit(undefined, 'open'), mint().secret]
    const admission = await admit(secret)
    expect(again(open)).toBe('it goes on')
    expect(again({ ...open, service: { ...open.service, key: 'flights' } })).toBe('404 service_unknown')
    services.set('open', { ...open.service, isPublic: false })
    expect(again(open)).toBe('403 endpoint_out_of_reach')
    services.set('flights', { ...admission.service, endpoints: new Map() })
    expect(again(admission, secret)).toBe('404 service_unknown')
    services.delete('open')
    expect(again(open)).toBe('404 service_unknown')
  })
})

describe('a public service', () => {
  test('needs no key: the caller is masked and counted by address; a bad key is still 401', async () => {
    const { grant, headers } = await admit(undefined, 'open')
    expect(grant).toMatchObject({ keyId: null, masked: true, sensitivityMax: 'medium', assetId: 98 })
    expect(headers).toMatchObject({ 'ratelimit-policy': '"default";q=300;w=60' })
    expect(await refused('', 'open')).toBe('401 key_unknown')
    expect(await refused(mintSecret('dk'), 'open')).toBe('401 key_unknown')
  })
  test('a key beyond its own reach is as good as none there, within it it keeps what it may', async () => {
    const service = mint({ maskingLevel: 'unmasked', sensitivityMax: 'critical' }).secret
    expect((await admit(service, 'open')).grant).toMatchObject({ keyId: null, masked: true, sensitivityMax: 'medium' })
    const project = mint({ maskingLevel: 'unmasked', sensitivityMax: 'critical' }, { assetId: null }).secret
    expect((await admit(project, 'open')).grant).toMatchObject({ masked: false, sensitivityMax: 'critical' })
  })
})

test('many bad secrets from one address get 429; a good key from there passes, so do other addresses', async () => {
  const { secret } = mint()
  const answers = []
  for (let i = 0; i < 62; i++) answers.push(await refused(mintSecret('dk')))
  expect(answers.slice(0, 60)).toEqual(Array(60).fill('401 key_unknown'))
  expect(answers.slice(60)).toEqual(['429 rate_limited', '429 rate_limited'])
  expect(await refused('nonsense')).toBe('429 rate_limited')
  expect((await admit(secret)).grant.keyId).toBeGreaterThan(0)
  expect(await refused(mintSecret('dk'), 'flights', 'a', '203.0.113.2')).toBe('401 key_unknown')
})

test('a key that is used is noted as used, a refused one is not', async () => {
  const began = Date.now()
  const used = mint()
  const revoked = mint()
  keys.update(catalog.db, ACTOR, revoked.key, { isActive: false })
  await admit(used.secret)
  await refused(revoked.secret)
  ring.flush()
  const [first, second] = keys.list(catalog.db, { projectId: catalog.project.id, assetId })
  expect(Date.parse(first!.lastUsedAt!)).toBeWithin(began, Date.now() + 1)
  expect(second!.lastUsedAt).toBeNull()
})
