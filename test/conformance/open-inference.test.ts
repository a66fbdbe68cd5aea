/** Open Inference v2 and KServe v1, as raw HTTP: from source and as the executable. */
import { afterAll, beforeAll, describe } from 'bun:test'
import { cleanUp, TARGETS } from '../harness.ts'
import { access } from './open-inference/access.ts'
import { badTensors } from './open-inference/bad-tensors.ts'
import { describing } from './open-inference/describing.ts'
import { kinds } from './open-inference/kinds.ts'
import { kserveV1 } from './open-inference/kserve-v1.ts'
import { repository } from './open-inference/repository.ts'
import { tensors } from './open-inference/tensors.ts'
import { wire } from './open-inference/wire.ts'
import { World } from './open-inference/world.ts'

describe.each(TARGETS)('Open Inference, %s:', target => {
  const world = new World(target)
  beforeAll(() => world.start(), 180_000)
  afterAll(cleanUp)

  describe('what there is', () => describing(world))
  describe('tensors', () => tensors(world))
  describe('kinds of models', () => kinds(world))
  describe('what goes over the wire', () => wire(world))
  describe('tensors that are refused', () => badTensors(world))
  describe('who may pass', () => access(world))
  describe('KServe v1', () => kserveV1(world))
  describe('load and unload', () => repository(world))
})
