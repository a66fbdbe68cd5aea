/**
 * A Callgate for the console's tests: two projects with something in them, an administrator (`root`), an editor (`ed`) and a
 * viewer (`vera`) of the first project.
 */
import { join } from 'node:path'
import { type Callgate, FIXTURES, type StartOptions, startCallgate } from '../harness.ts'
import { PASSWORD } from './browser.ts'
import { fillGarden } from './data.ts'

const models = join(FIXTURES, 'models')

export async function startConsole(options: StartOptions = {}): Promise<Callgate> {
  const callgate = await startCallgate({
    env: { CALLGATE_ADMIN_USERNAME: 'root', CALLGATE_ADMIN_PASSWORD: PASSWORD },
    flags: ['--scoring-workers', '1'],
    manifest: {
      projects: [
        {
          slug: 'garden',
          name: 'Garden',
          description: 'Irises, and who looks after them',
          models: [{ name: 'iris', versions: [{ version: 1, file: join(models, 'iris.onnx') }] }],
          services: [
            {
              key: 'flowers',
              title: 'Flowers',
              publish: true,
              endpoints: [{ id: 'species', kind: 'model', model: 'iris' }],
            },
            { key: 'drafts', title: 'Not yet published', endpoints: [{ id: 'species', kind: 'model', model: 'iris' }] },
          ],
        },
        { slug: 'bank', name: 'Bank', description: 'Nothing in it yet' },
      ],
    },
    ...options,
  })
  for (const [username, role] of [
    ['ed', 'editor'],
    ['vera', 'viewer'],
  ] as const)
    await callgate.admin('POST', '/api/users', { username, password: PASSWORD, roles: { garden: role } })
  await fillGarden(callgate)
  return callgate
}
