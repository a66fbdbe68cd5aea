/** What a machine costs that gives no more files, or ends processes: what needs them, with an answer, until there are some again. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Callgate, cleanUp, FIXTURES, startCallgate } from '../harness.ts'
import { workersOf } from './processes.ts'

setDefaultTimeout(60_000)
afterAll(cleanUp)

const withProject = async (): Promise<{ callgate: Callgate; scope: Record<string, string> }> => {
  const callgate = await startCallgate({ manifest: { projects: [{ slug: 'p' }] } })
  const projects = await callgate.admin('GET', '/api/projects')
  return { callgate, scope: { 'x-project-id': String(projects.json.items[0].project_id) } }
}

test.skipIf(!Bun.which('prlimit'))(
  'where no more files can be opened uploads are 503, and are taken when there are some again',
  async () => {
    const { callgate, scope } = await withProject()
    const upload = async (path: string, name: string, file: File) => {
      const form = new FormData()
      form.set('file', file)
      form.set('name', name)
      return callgate.admin('POST', path, form, scope)
    }
    const table = () => upload('/api/datasets/file/upload', 'a.t', new File(['id\n1\n'], 't.csv'))
    const model = async () => {
      const bytes = await Bun.file(join(FIXTURES, 'models/iris.onnx')).arrayBuffer()
      return upload('/api/models', 'iris', new File([bytes], 'iris.onnx'))
    }
    const open = (most: string) => {
      const { success } = Bun.spawnSync(['prlimit', '--pid', String(callgate.process.pid), `--nofile=${most}:`])
      expect(success).toBe(true)
    }
    open('8')
    for (const answer of [await table(), await model()]) {
      expect({ status: answer.status, detail: answer.json.detail }).toEqual({
        status: 503,
        detail: 'The server has no files, processes or memory left for this at the moment.',
      })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.text).not.toContain(callgate.dataDir)
    }
    open('1024')
    expect([(await table()).status, (await model()).status]).toEqual([201, 201])
    expect(await callgate.stop()).toBe(0)
  },
)

test.skipIf(process.platform !== 'linux')(
  'an import whose process is ended from outside, also while it starts, is 503 and leaves nothing behind',
  async () => {
    const { callgate, scope } = await withProject()
    const upload = () => {
      const form = new FormData()
      form.set('file', new File(['id\n1\n'], 't.csv'))
      form.set('name', 'a.t')
      return callgate.admin('POST', '/api/datasets/file/upload', form, scope)
    }
    let over = false
    const killing = (async () => {
      while (!over) {
        for (const { pid } of workersOf(callgate.process.pid, 'import'))
          try {
            process.kill(pid, 'SIGKILL')
          } catch {}
        await Bun.sleep(1)
      }
    })()
    const answer = await upload()
    over = true
    await killing
    expect({ status: answer.status, detail: answer.json.detail }).toEqual({
      status: 503,
      detail: 'The import process ended before it was done.',
    })
    for (const folder of ['uploads', 'warehouse']) expect(readdirSync(join(callgate.dataDir, folder))).toEqual([])
    expect((await upload()).status).toBe(201)
    expect(await callgate.stop()).toBe(0)
  },
)
