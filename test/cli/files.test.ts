/** `callgate serve FILE...`: nothing to write, nothing to configure, and every printed line works when it is pasted. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cleanUp, FIXTURES, startCallgate, TARGETS, temporaryFolder } from '../harness.ts'
import { buildModel } from '../scoring/onnx-builder.ts'
import { expectUseful, pasted } from './pasted.ts'
import { lines, run } from './run.ts'

setDefaultTimeout(180_000)

const folder = temporaryFolder()
const write = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const model = (name: string) => join(FIXTURES, 'models', `${name}.onnx`)
afterAll(cleanUp)

/** Everything that the catalog holds, but for usage, and when things were used last. */
function catalogOf(dataDir: string) {
  const catalog = new Database(join(dataDir, 'catalog.db'), { readonly: true })
  const tables = catalog
    .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .all()
  const rows = tables
    .filter(({ name }) => !/^(usage|sqlite_sequence)/.test(name))
    .map(({ name }) => [name, catalog.query(`SELECT * FROM "${name}"`).all()] as const)
  catalog.close()
  return JSON.parse(
    JSON.stringify(Object.fromEntries(rows), (field, value) => (field === 'last_used_at' ? undefined : value)),
  )
}

describe.each(TARGETS)('from the %s', target => {
  test('what looks personal is protected and named in one line; the other columns answer, and every line works', async () => {
    const people = 'mail,name,town\nada@example.org,Ada,Ulm\nbob@example.org,Bob,Bonn\n'
    const callgate = await startCallgate({ target, files: [write('people.csv', people)] })
    expect(callgate.output()).toContain(
      'dataset files.people: mail looks like e-mail addresses (by its name and its values): high until you decide',
    )
    const { key, commands, answers } = await pasted(callgate)
    expect(commands).toHaveLength(2)
    expectUseful(answers)
    expect(callgate.output()).not.toContain('@example')
    expect((await callgate.call('/api/service/files/people?town=Ulm', { key })).json.rows).toEqual([
      { mail: '[BLOCKED]', name: 'Ada', town: 'Ulm' },
    ])
    expect((await callgate.call('/api/service/files/people?mail=ada%40example.org', { key })).status).toBe(403)
    expect(await callgate.stop()).toBe(0)
  })

  test('tables and models under their names, one key, and lines that answer; a second start changes nothing', async () => {
    const dataDir = join(temporaryFolder(), 'data')
    const files = [
      write('sales.csv', 'code,id,note\nb,1,\na,2,x\na,3,x\n'),
      write('no key.csv', 'a,b\n1,2\n1,2\n'),
      write('tweets.ndjson', '{"id":"9007199254740993","text":"it\'s"}\n{"id":"2","text":"b"}\n'),
      model('late_arrival'),
      model('iris'),
    ]
    const flags = ['--scoring-workers', '1']
    const first = await startCallgate({ target, files, dataDir, flags })
    const { key, commands, answers } = await pasted(first)
    expect(commands).toHaveLength(7)
    expectUseful(answers)
    const paths = commands.map(command => /'http:\/\/127\.0\.0\.1:\d+\/api\/service\/files\/([^'?]+)/.exec(command)![1])
    expect(paths).toEqual(['sales', 'sales_by_id', 'no_key', 'tweets', 'tweets_by_id', 'late_arrival', 'iris'])
    expect(first.output()).toContain('no_key: no column is unique and without nulls, so there is no lookup for it.\n')
    expect(
      first
        .output()
        .match(/dk_\w{36}/g)!
        .every(shown => shown === key),
    ).toBe(true)
    expect((await first.call('/api/service/files/sales?code=a', { key })).json.count).toBe(2)
    expect((await first.call('/api/service/files/sales')).status).toBe(401)
    expect(await first.stop()).toBe(0)

    const before = catalogOf(dataDir)
    const second = await startCallgate({
      target,
      files,
      dataDir,
      flags,
      env: { CALLGATE_ADMIN_TOKEN: first.adminToken },
    })
    expect(second.output()).not.toMatch(/importing|dk_/)
    const again = await pasted(second, { KEY: key! })
    expect(again.key).toBeUndefined()
    for (const command of again.commands) expect(command).toContain('"X-API-Key: $KEY"')
    expectUseful(again.answers)
    expect((await second.call('/api/service/files/sales_by_id?id=1', { key })).json.rows).toEqual([
      { code: 'b', id: 1, note: null },
    ])
    expect(await second.stop()).toBe(0)
    expect(catalogOf(dataDir)).toEqual(before)
  })
})

test('names that a shell, a URL or our own parameters could trip over', async () => {
  mkdirSync(join(folder, "it's a folder"), { recursive: true })
  const callgate = await startCallgate({
    files: [
      write("it's a folder/12 o'clock.csv", 'order\'s id,x\nit\'s,a\n"b&b=?#%",a\n'),
      write('limits.csv', 'limit,offset\n7,1\n8,1\n'),
      write('größe.tsv', 'naïve "name"\twert\n1\t2\n'),
      write('lines.csv', '"in\ntwo lines",x\r\n"a\nb",1\r\nc,1\r\n'),
      write('long.csv', `${'long '.repeat(40)},x\n1,1\n2,1\n`),
      model('churn_risk'),
    ],
    flags: ['--scoring-workers', '1'],
  })
  const { key, commands, answers } = await pasted(callgate)
  expect(commands).toHaveLength(11)
  expectUseful(answers)
  expect((await callgate.call('/api/service/files/limits_by_limit?limit_=8', { key })).json.rows).toEqual([
    { limit: 8, offset: 1 },
  ])
  expect((await callgate.call('/api/service/files/limits?limit=1', { key })).json.rows).toEqual([
    { limit: 7, offset: 1 },
  ])
  await callgate.kill()
})

test('a model of pictures has a line that can be pasted, too, and leaves the key in sight', async () => {
  const picture = (dims: (number | string)[]) =>
    buildModel({
      inputs: [{ name: 'image', type: 'uint8', dims: ['N', ...dims] }],
      outputs: [{ name: 'y', type: 'uint8', dims: ['N', ...dims] }],
      nodes: [{ op: 'Identity', inputs: ['image'], outputs: ['y'] }],
    })
  const saved = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }
  const callgate = await startCallgate({
    files: [saved('photos.onnx', picture([3, 224, 224])), saved('digits.onnx', picture([28, 28, 1]))],
    flags: ['--scoring-workers', '1'],
  })
  const { commands, answers } = await pasted(callgate)
  expect(commands).toHaveLength(2)
  expect(callgate.output().length).toBeLessThan(10_000)
  expect(callgate.output()).toContain('\n  photos: an example of its rows would be too long to be pasted')
  expect([answers[0]!.status, answers[0]!.json.inputs]).toEqual([
    200,
    [{ name: 'image', datatype: 'UINT8', shape: [-1, 3, 224, 224] }],
  ])
  expectUseful(answers.slice(1))
  await callgate.kill()
})

test('names that a table, a model or an endpoint cannot have', async () => {
  const named = (name: string) => {
    copyFileSync(model('churn_risk'), join(folder, name))
    return join(folder, name)
  }
  const callgate = await startCallgate({
    files: [write('runs.csv', 'id\n1\n'), named('2024-churn.onnx'), named('_churn.onnx'), named('модель.onnx')],
    flags: ['--scoring-workers', '1'],
  })
  const { commands, answers } = await pasted(callgate)
  const paths = commands.map(command => /\/api\/service\/files\/([^'?]+)/.exec(command)![1])
  expect(paths).toEqual(['runs_', 'runs__by_id', '2024-churn', 'churn', 'model'])
  expectUseful(answers)
  await callgate.kill()
})

test('a file that changed is imported again at the next start, and the first key goes on working', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const files = [write('prices.csv', 'id,price\n1,10\n')]
  const first = await startCallgate({ files, dataDir, flags: ['--scoring-workers', '1'] })
  const { key } = await pasted(first)
  await first.stop()
  write('prices.csv', 'id,price\n1,11\n2,12\n')
  const second = await startCallgate({ files, dataDir, flags: ['--scoring-workers', '1'] })
  expect(second.output()).toMatch(/importing files\.prices: 2 rows/)
  expect((await second.call('/api/service/files/prices_by_id?id=1', { key })).json.rows).toEqual([{ id: 1, price: 11 }])
  await second.stop()
})

test('a model that was trained again is the next version at the next start; the old file is the old version', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const file = join(folder, 'churn.onnx')
  const serve = async (sample: string, key?: string) => {
    copyFileSync(model(sample), file)
    const callgate = await startCallgate({ files: [file], dataDir, flags: ['--scoring-workers', '1'] })
    const printed = await pasted(callgate, key ? { KEY: key } : undefined)
    expectUseful(printed.answers)
    await callgate.stop()
    const { models, model_versions: versions } = catalogOf(dataDir)
    const said = callgate.output().match(/^ {2}churn: .*$/m)?.[0]
    return { key: printed.key, said, active: models[0].active_version, versions: versions.length }
  }
  const { key, ...first } = await serve('churn_risk')
  expect(first).toEqual({ said: undefined, active: 1, versions: 1 })
  const said = '  churn: the file has changed; it is version 2 of the model, and active.'
  expect(await serve('late_arrival', key)).toEqual({ key: undefined, said, active: 2, versions: 2 })
  expect(await serve('late_arrival', key)).toEqual({ key: undefined, said: undefined, active: 2, versions: 2 })
  expect(await serve('churn_risk', key)).toMatchObject({ active: 1, versions: 2 })
})

test('what cannot be served is refused in a line that names it, and nothing of it stays', async () => {
  mkdirSync(join(folder, 'other'), { recursive: true })
  const good = write('good.csv', 'id\n1\n')
  const cases: [string[], RegExp][] = [
    [
      [good, write('other/good.csv', 'id\n2\n')],
      /^callgate: Two files would be called good; rename one, or use a manifest\.$/,
    ],
    [[write('report.xlsx', 'x')], /^callgate: .*report\.xlsx is not a file that is served: \.csv, .*\.onnx\.$/],
    [[good, write('broken.csv', 'id,name\n1,a\n2,b,secret-value\n')], /^callgate: dataset files\.broken: line 3/],
    [[good, write('broken.onnx', 'this is no model')], /^callgate: model broken version 1: /],
  ]
  const dataDir = join(temporaryFolder(), 'data')
  expect(await (await startCallgate({ dataDir })).stop()).toBe(0)
  const before = catalogOf(dataDir)
  for (const [files, says] of cases) {
    const { code, stdout, stderr } = await run([
      'serve',
      ...files,
      '--port',
      '0',
      '--data-dir',
      dataDir,
      '--scoring-workers',
      '1',
    ])
    expect(lines(stderr).filter(line => !line.startsWith('importing '))).toEqual([expect.stringMatching(says)])
    expect(code).toBe(1)
    expect(stdout + stderr).not.toMatch(/secret-value|dk_/)
    expect(catalogOf(dataDir)).toEqual(before)
    for (const dir of ['warehouse', 'models', 'uploads'])
      expect([dir, ...new Bun.Glob('**').scanSync({ cwd: join(dataDir, dir), dot: true })]).toEqual([dir])
  }
})
