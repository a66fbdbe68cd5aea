/**
 * A Callgate for the console's tests: two projects with something in them, an administrator (`root`), an editor (`ed`) and a
 * viewer (`vera`) of the first project.
 */
import { afterAll, beforeAll } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type Callgate, cleanUp, FIXTURES, startCallgate } from '../harness.ts'
import { closeTabs, openTab, PASSWORD, signInTo } from './browser.ts'
import { fillGarden } from './data.ts'

const models = join(FIXTURES, 'models')
/** A machine that others use, too, takes its time to start a server and to import what is in it. */
const STARTED_MS = 180_000
/** A program that can be deployed. */
export const DEPLOYED = [process.execPath, join(import.meta.dir, 'deployed-server.ts')]

interface GardenCallgate extends Callgate {
  /** the id of the project `garden` */
  garden: number
}

/** For a `describe`: such a Callgate, which is there before its tests, and gone with their tabs after them. */
export function useConsole() {
  const callgate = {} as GardenCallgate
  beforeAll(async () => {
    Object.assign(callgate, await startConsole())
  }, STARTED_MS)
  afterAll(async () => {
    await closeTabs()
    await cleanUp()
  })
  const tabs = new Map<string, Page>()
  /** Opens a page below `/console/projects/garden/`: each user has a tab, and signs in once. */
  async function openAs(username: string, path: string): Promise<Page> {
    const tab = tabs.get(username) ?? (await openTab())
    if (!tabs.has(username)) await signInTo(tab, callgate, username)
    tabs.set(username, tab)
    await tab.goto(`${callgate.url}/console/projects/garden/${path}`)
    return tab
  }
  return { callgate, openAs }
}

export async function startConsole(): Promise<GardenCallgate> {
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
          datasets: [
            {
              name: 'marts.plants',
              from: join(import.meta.dir, 'plants.csv'),
              primary_key: 'plant_id',
              columns: {
                gardener: { sensitivity: 'medium', mask: 'initials' },
                email: { sensitivity: 'high', mask: 'email' },
              },
            },
          ],
          services: [
            {
              key: 'plants',
              title: 'Plants',
              publish: true,
              endpoints: [
                { id: 'plant', kind: 'lookup', dataset: 'marts.plants', key_column: 'plant_id' },
                {
                  id: 'search',
                  kind: 'sql',
                  query: {
                    source: { schema: 'marts', table: 'plants' },
                    filters: [
                      { column: 'bed', op: 'in', param: 'bed', description: 'Where it grows.' },
                      { column: 'height_cm', op: 'gte', param: 'min_height', default: 0 },
                      { column: 'email', op: 'is_null', param: 'unowned' },
                    ],
                    order_by: [{ param: 'sort', allow: ['species', 'height_cm'], default: 'species' }],
                  },
                },
                { id: 'species', kind: 'model', model: 'iris' },
                {
                  id: 'greet',
                  kind: 'function',
                  handler:
                    'export default (request, host) => { host.log("greeting"); return { hello: request.body.name, as: request.query.as ?? null } }',
                },
              ],
              keys: [
                {
                  name: 'shop window',
                  allowed_endpoints: ['plant', 'search'],
                  rate_limit: 600,
                  row_scope: { bed: ['north'] },
                },
                { name: 'head gardener', masking_level: 'unmasked', sensitivity_max: 'high', expires_at: '2030-01-31' },
              ],
            },
            {
              key: 'flowers',
              title: 'Flowers',
              publish: true,
              endpoints: [{ id: 'species', kind: 'model', model: 'iris' }],
            },
            { key: 'drafts', title: 'Not yet published', endpoints: [{ id: 'species', kind: 'model', model: 'iris' }] },
          ],
          // none of them runs until somebody starts it
          deployments: [
            { name: 'sentiment', command: DEPLOYED, health: '/health', env: { GREETING: 'good day' } },
            { name: 'broken', command: DEPLOYED, env: { BROKEN: 'MODEL_PATH' } },
            { name: 'elsewhere', upstream: 'http://127.0.0.1:9/classifier' },
            { name: 'species', model: 'iris' },
          ],
          keys: [
            {
              name: 'operations',
              allowed_services: ['flowers'],
              allowed_endpoints: ['plants.plant'],
              manage_models: true,
            },
            { name: 'chat window', allowed_deployments: ['sentiment'] },
          ],
        },
        { slug: 'bank', name: 'Bank', description: 'Nothing in it yet' },
      ],
    },
  })
  for (const [username, role] of [
    ['ed', 'editor'],
    ['vera', 'viewer'],
  ] as const)
    await callgate.admin('POST', '/api/users', { username, password: PASSWORD, roles: { garden: role } })
  return { ...callgate, garden: await fillGarden(callgate) }
}
