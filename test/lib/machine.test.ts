import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { usableCpus, usableMemory } from '../../src/lib/machine.ts'

const MB = 2 ** 20
const folder = mkdtempSync(join(tmpdir(), 'callgate-machine-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A root with these files below it. */
function rootOf(files: Record<string, string>): string {
  const root = mkdtempSync(join(folder, 'root-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), `${text}\n`)
  }
  return root
}

test('a container has the limits that are at its root, in v2 and in v1, whatever its path is on the host', () => {
  for (const cgroup of ['0::/', '0::/system.slice/docker-1.scope', '0::/../../other'])
    expect(
      usableMemory(
        rootOf({
          'proc/self/cgroup': cgroup,
          'sys/fs/cgroup/memory.max': String(300 * MB),
          'sys/fs/cgroup/cpu.max': '',
        }),
      ),
    ).toBe(300 * MB)
  const v1 = rootOf({
    'proc/self/cgroup': '5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n0::/',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': String(200 * MB),
    'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000',
    'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
  })
  expect([usableMemory(v1), usableCpus(v1)]).toEqual([200 * MB, 1])
})

test('a service of the system has the limits of its own cgroup and of each around it, in v2 and in v1', () => {
  const v2 = rootOf({
    'proc/self/cgroup': '0::/machines.slice/inner.slice/callgate.service',
    'sys/fs/cgroup/machines.slice/memory.max': String(400 * MB),
    'sys/fs/cgroup/machines.slice/cpu.max': '150000 100000',
    'sys/fs/cgroup/machines.slice/inner.slice/memory.max': 'max',
    'sys/fs/cgroup/machines.slice/inner.slice/memory.high': 'max',
    'sys/fs/cgroup/machines.slice/inner.slice/callgate.service/memory.max': String(800 * MB),
    'sys/fs/cgroup/machines.slice/inner.slice/callgate.service/cpu.max': 'max 100000',
  })
  expect([usableMemory(v2), usableCpus(v2)]).toEqual([400 * MB, 1])
  const v1 = rootOf({
    'proc/self/cgroup':
      '9:name=systemd:/else\n4:memory:/system.slice/callgate.service\n1:cpu,cpuacct:/system.slice/callgate.service',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    'sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes': '9223372036854771712',
    'sys/fs/cgroup/memory/system.slice/callgate.service/memory.limit_in_bytes': String(200 * MB),
    'sys/fs/cgroup/cpu/system.slice/cpu.cfs_quota_us': '-1',
    'sys/fs/cgroup/cpu/system.slice/cpu.cfs_period_us': '100000',
    'sys/fs/cgroup/cpu/system.slice/callgate.service/cpu.cfs_quota_us': '10000',
    'sys/fs/cgroup/cpu/system.slice/callgate.service/cpu.cfs_period_us': '100000',
  })
  expect([usableMemory(v1), usableCpus(v1)]).toEqual([200 * MB, 1])
})

test('where no cgroup says anything, or there is no /proc, there is what the machine has', () => {
  for (const root of [rootOf({}), rootOf({ 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/memory.max': 'max' })])
    expect([usableMemory(root), usableCpus(root)]).toEqual([totalmem(), Math.max(1, availableParallelism())])
})
