/** What the proxy in front of deployments hands on, and what it refuses, in both directions: from source and as the executable. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { cleanUp, TARGETS } from '../harness.ts'
import { bodies } from './proxy/bodies.ts'
import { frames } from './proxy/frames.ts'
import { refusals } from './proxy/refusals.ts'
import { requests } from './proxy/requests.ts'
import { responses } from './proxy/responses.ts'
import { streams } from './proxy/streams.ts'
import { webSockets } from './proxy/websockets.ts'
import { World } from './proxy/world.ts'

setDefaultTimeout(180_000)

describe.each(TARGETS)('the proxy, %s:', target => {
  const world = new World(target)
  beforeAll(() => world.start(), 180_000)
  afterAll(cleanUp)

  describe('requests', () => requests(world))
  describe('bodies of requests', () => bodies(world))
  describe('requests that are refused', () => refusals(world))
  describe('answers', () => responses(world))
  describe('streams', () => streams(world))
  describe('WebSockets', () => webSockets(world))
  describe('WebSocket frames', () => frames(world))

  test('after all of it the server ends in order: nothing was thrown that nobody caught', async () => {
    expect(await world.callgate.stop()).toBe(0)
  })
})
