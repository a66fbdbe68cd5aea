import { expect, test } from 'bun:test'
import type { Endpoint, Service } from '../../../src/endpoints/endpoint.ts'
import { PorterIndex, type PorterTarget } from '../../../src/endpoints/porter.ts'
import { appView } from '../../../src/protocols/porter/app.ts'
import { openApiJson } from '../../../src/protocols/porter/openapi.ts'

test('the document is made once for the routes and the app that there are, however often it is asked for', () => {
  const index = new PorterIndex()
  const serve = (path: string) => {
    const endpoint = { id: 'e', kind: 'function', porter: { path, name: 'e', version: '1', meta: {} } }
    const endpoints = new Map([['e', endpoint as unknown as Endpoint]])
    index.replace('s', { key: 's', endpoints } as unknown as Service)
  }
  serve('/a')
  let made = 0
  const asked = (app = appView(undefined)) => {
    const targets = index.all() as PorterTarget[]
    const [target] = targets
    const route = target!.route
    const counted = () => {
      made++
      return route
    }
    Object.defineProperty(target!, 'route', { configurable: true, get: counted })
    const json = JSON.parse(openApiJson(app, targets))
    Object.defineProperty(target!, 'route', { configurable: true, value: route })
    return Object.keys(json.paths).at(-1)
  }
  expect(asked()).toBe('/a')
  const first = made
  expect(first).toBeGreaterThan(0)
  expect([asked(), made]).toEqual(['/a', first])
  expect(asked(appView({ name: 'another' } as never))).toBe('/a')
  expect(made).toBe(2 * first)
  serve('/b')
  expect(asked()).toBe('/b')
})
