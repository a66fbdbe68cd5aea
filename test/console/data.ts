/** Tables and model versions for the console's tests, brought in as people do: by uploads. */
import { join } from 'node:path'
import { type Answer, type Callgate, FIXTURES } from '../harness.ts'

const NAMES = ['Ada Lovelace', 'Grace Hopper', 'Alan Turing', 'Edsger Dijkstra', 'Barbara Liskov', 'Donald Knuth']

/** Keepers of a garden: names and addresses look personal, and are protected as proposed. */
export const keepersCsv = (rows: number): string =>
  [
    'keeper_id,full_name,email,hired,beds,hourly_rate',
    ...Array.from({ length: rows }, (_, i) => {
      const name = NAMES[i % NAMES.length]!
      const address = `${name.toLowerCase().replace(' ', '.')}${i}@garden.example`
      return `${i + 1},${name},${address},20${10 + (i % 15)}-0${1 + (i % 9)}-15,${i % 7 === 3 ? '' : i % 12},${18 + (i % 20)}.50`
    }),
  ].join('\n')

export function uploadTable(
  callgate: Callgate,
  project: number,
  name: string,
  csv: string,
  fields: Record<string, string> = {},
): Promise<Answer> {
  const form = new FormData()
  for (const [field, value] of Object.entries({ name, ...fields })) form.append(field, value)
  form.append('file', new File([csv], `${name}.csv`))
  return callgate.admin('POST', '/api/datasets/file/upload', form, { 'x-project-id': String(project) })
}

export async function uploadModel(callgate: Callgate, project: number, name: string, file: string): Promise<Answer> {
  const form = new FormData()
  form.append('name', name)
  form.append('file', new File([await Bun.file(join(FIXTURES, 'models', file)).bytes()], file))
  return callgate.admin('POST', '/api/models', form, { 'x-project-id': String(project) })
}

export async function projectId(callgate: Callgate, slug: string): Promise<number> {
  const { items } = (await callgate.admin('GET', '/api/projects')).json
  return items.find((project: { slug: string }) => project.slug === slug).project_id
}

/** Two tables, one of them used by an endpoint that is published, and a second version of a model; the project's id. */
export async function fillGarden(callgate: Callgate): Promise<number> {
  const garden = await projectId(callgate, 'garden')
  await uploadTable(callgate, garden, 'marts.keepers', keepersCsv(1200), { primary_key: 'keeper_id' })
  const beds = 'bed,plant,planted\n1,iris,2024-03-01\n2,tulip,2024-10-12\n3,iris,2025-02-20'
  await uploadTable(callgate, garden, 'marts.beds', beds, { primary_key: 'bed', writable: 'true' })
  await uploadModel(callgate, garden, 'iris', 'iris.onnx')
  await uploadModel(callgate, garden, 'late', 'late_arrival.onnx')
  const service = {
    asset_type: 'api_service',
    asset_key: 'keepers',
    title: 'Keepers',
    config: {
      endpoints: [{ id: 'keeper', kind: 'lookup', dataset: 'marts.keepers', key_column: 'keeper_id' }],
    },
  }
  const asset = await callgate.admin('POST', '/api/publish/assets', service, { 'x-project-id': String(garden) })
  await callgate.admin('POST', `/api/publish/assets/${asset.json.id}/publish`)
  return garden
}
