import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ModelMetadata } from '../../src/catalog/tensor.ts'
import { deadlineIn } from '../../src/lib/deadline.ts'
import { compileCodec, type RowCodec } from '../../src/scoring/codec.ts'
import { addModelFile, artifactPath } from '../../src/scoring/metadata.ts'
import type { ScoringModel } from '../../src/scoring/scorer.ts'

const fixture = (name: string) => join(import.meta.dir, '../fixtures/models', name)
export const modelBytes = (name: string) => Bun.file(fixture(`${name}.onnx`)).bytes()

interface Expected {
  rows: (Record<string, unknown> | (number | null)[])[]
  feature_names?: string[]
  labels?: unknown[]
  values?: number[]
  probabilities?: (number[] | Record<string, number>)[]
}

export interface Loaded {
  model: ScoringModel & { metadata: ModelMetadata }
  codec: RowCodec
}

/** Takes a model in that is no file yet. */
export async function addModelBytes(bytes: Uint8Array, modelsDir: string, features?: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'callgate-model-'))
  try {
    await writeFile(join(folder, 'given'), bytes)
    return await addModelFile({ path: join(folder, 'given'), modelsDir, features })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A directory for models that is gone after the tests. */
export async function modelsDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'callgate-models-'))
  return {
    path,
    remove: () => rm(path, { recursive: true, force: true }),
    async add(bytes: Uint8Array, features?: string[]): Promise<Loaded> {
      const { sha256, metadata } = await addModelBytes(bytes, path, features)
      return {
        model: { sha256, path: artifactPath(path, sha256, metadata), metadata },
        codec: compileCodec(metadata, features),
      }
    },
  }
}

/** A fixture's reference rows as objects, with what onnxruntime (in Python) said of them. */
export async function reference(name: string): Promise<Expected & { objects: Record<string, unknown>[] }> {
  const expected = (await Bun.file(fixture(`${name}.expected.json`)).json()) as Expected
  const names = expected.feature_names
  const objects = expected.rows.map(row =>
    Array.isArray(row) ? Object.fromEntries(row.map((value, i) => [names![i]!, value])) : row,
  )
  return { ...expected, objects }
}

export const soon = (ms = 100_000) => ({ deadline: deadlineIn(ms) })
