/**
 * A file system over a folder, in a process of its own: every file is there as it says, may be opened, and is never read, as on a share
 * whose server is gone after what is known of its files. `bun unread-files.ts FOLDER`; it takes root on Linux, and FUSE.
 */
import { dlopen } from 'bun:ffi'
import { openSync, readSync, writeSync } from 'node:fs'

const [, , path = ''] = process.argv
const fd = openSync('/dev/fuse', 'r+')
const { symbols: libc } = dlopen('libc.so.6', {
  mount: { args: ['cstring', 'cstring', 'cstring', 'u64', 'cstring'], returns: 'int' },
})
const c = (text: string) => Buffer.from(`${text}\0`)
const options = `fd=${fd},rootmode=40000,user_id=0,group_id=0`
if (libc.mount(c('unread'), c(path), c('fuse'), 0n, c(options)) !== 0) process.exit(1)
console.log('mounted')

const [LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, INIT, OPENDIR, INTERRUPT, BATCH_FORGET] = [
  1, 2, 3, 14, 15, 18, 26, 27, 36, 42,
]
const [EINTR, ENOSYS] = [4, 38]
const ROOT = 1n

/** The kernel's `fuse_attr`. */
function attributesOf(node: bigint): Buffer {
  const of = Buffer.alloc(88)
  of.writeBigUInt64LE(node, 0)
  of.writeBigUInt64LE(8n, 8) // its size
  of.writeBigUInt64LE(1_000_000_000n, 32) // when it was changed
  of.writeUInt32LE(node === ROOT ? 0o40755 : 0o100644, 60)
  of.writeUInt32LE(1, 64)
  return of
}

const nodes = new Map<string, bigint>()
const request = Buffer.alloc(1 << 20)
for (;;) {
  const length = readSync(fd, request)
  const opcode = request.readUInt32LE(4)
  const answer = (to: bigint, error: number, ...parts: Buffer[]) => {
    const head = Buffer.alloc(16)
    const whole = Buffer.concat([head, ...parts])
    whole.writeUInt32LE(whole.length, 0)
    whole.writeInt32LE(-error, 4)
    whole.writeBigUInt64LE(to, 8)
    try {
      writeSync(fd, whole)
    } catch {} // who asked is gone
  }
  const id = request.readBigUInt64LE(8)
  const node = request.readBigUInt64LE(16)
  if (opcode === INIT) {
    const init = Buffer.alloc(64)
    init.writeUInt32LE(7, 0)
    init.writeUInt32LE(31, 4)
    init.writeUInt32LE(1 << 16, 20)
    answer(id, 0, init)
  } else if (opcode === LOOKUP) {
    const name = request.toString('latin1', 40, length - 1)
    const found = nodes.get(name) ?? BigInt(nodes.size) + 2n
    nodes.set(name, found)
    const entry = Buffer.alloc(40)
    entry.writeBigUInt64LE(found, 0)
    answer(id, 0, entry, attributesOf(found))
  } else if (opcode === GETATTR) answer(id, 0, Buffer.alloc(16), attributesOf(node))
  else if (opcode === OPEN || opcode === OPENDIR) answer(id, 0, Buffer.alloc(16))
  else if (opcode === RELEASE) answer(id, 0)
  else if (opcode === INTERRUPT)
    answer(request.readBigUInt64LE(40), EINTR) // its reader is being ended
  else if (opcode !== READ && opcode !== FORGET && opcode !== BATCH_FORGET) answer(id, ENOSYS)
}
