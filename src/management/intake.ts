import { createHash, randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type DeclaredType, declaredType, type FileFormat, MAX_DIGITS } from '../catalog/column.ts'
import type { Generation } from '../catalog/datasets.ts'
import type { NewVersion } from '../catalog/models.ts'
import { tooLarge } from '../lib/body.ts'
import { unprocessable } from '../lib/fault.ts'
import type { OnProgress } from '../lib/progress.ts'
import { shown } from '../lib/text.ts'
import { Turns } from '../lib/turns.ts'
import { formatOf, type ImportRequest, importFile } from '../query/ingest/import.ts'
import { fileName } from '../query/live-file.ts'
import { addModelFile } from '../scoring/metadata.ts'
import type { ManagementContext } from './context.ts'

export interface TableSource {
  path: string
  /** the name that says the format, when the path does not */
  fileName?: string
  primaryKey?: string[]
  /** without a primary key: take the first unique column without nulls */
  chooseKey?: boolean
  indexes?: string[][]
  types?: Record<string, DeclaredType>
}

/** Each import's process may take a quarter of the memory, and so may each that describes files in place. */
export const describing = new Turns(2)

/**
 * Imports a file aside, as a generation that is nobody's yet: `putGeneration` makes it a dataset's, `discardStaged`
 * removes it. At most two at a time; the others wait.
 * @throws Fault 422 the format, or the row and column that are wrong; the signal's reason
 */
export async function stageTable(
  context: ManagementContext,
  source: TableSource,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<Generation> {
  const name = source.fileName ?? basename(source.path)
  const format: FileFormat | undefined = formatOf(name)
  if (!format)
    throw unprocessable(
      `${shown(name) || 'A file without a name'} is not a file that is read here: .csv, .csv.gz, .tsv, .json, .ndjson or .parquet.`,
    )
  for (const [column, type] of Object.entries(source.types ?? {})) knownType(column, type)
  const file = fileName(randomUUID(), false)
  const indexes = source.indexes ?? []
  const request: ImportRequest = {
    source: source.path,
    format,
    target: join(context.publisher.registry.runtime.warehouseDir, file),
    primaryKey: source.primaryKey,
    chooseKey: source.chooseKey,
    indexes,
    types: source.types,
    scratchDir: context.uploadsDir,
  }
  const result = await describing.run(() => importFile(request, onProgress, signal), signal)
  return {
    file,
    columns: result.columns,
    primaryKey: result.primaryKey ?? null,
    indexes,
    rowCount: result.rowCount,
    source: name,
    sourceHash: sourceHash(source, result.sha256),
  }
}

/** @throws Fault 422 a decimal that there cannot be */
export function knownType(column: string, type: DeclaredType): NonNullable<ReturnType<typeof declaredType>> {
  const known = declaredType(type)
  if (!known)
    throw unprocessable(`${shown(column)}: a decimal has 1 to ${MAX_DIGITS} digits, and not more behind the point.`)
  return known
}

export async function discardStaged(context: ManagementContext, { file }: Generation): Promise<void> {
  if (file) await rm(join(context.publisher.registry.runtime.warehouseDir, file), { force: true })
}

/**
 * What a generation came from: the file's bytes and how they were read. Equal: nothing to import again.
 * @param sha256 of the bytes that were read
 */
export function sourceHash({ primaryKey, chooseKey, indexes, types }: TableSource, sha256: string): string {
  const how = JSON.stringify([primaryKey ?? null, chooseKey ?? false, indexes ?? [], types ?? {}])
  return createHash('sha256').update(sha256).update(how).digest('hex')
}

const MAX_MODEL_BYTES = 2 ** 31 - 1

/**
 * Takes a model file in; `addVersion` makes it a version, else it goes when the `takingArtifacts` around both ends.
 * @throws Fault 422 what the runtime says of it; 413
 */
export async function stageModel(
  context: ManagementContext,
  path: string,
  input: { name: string; version?: number; features?: string[] },
): Promise<NewVersion> {
  if (Bun.file(path).size > MAX_MODEL_BYTES) throw tooLarge(MAX_MODEL_BYTES)
  const { modelsDir } = context.publisher.registry.runtime
  const { sha256, size, metadata } = await addModelFile({ path, modelsDir, features: input.features })
  context.publisher.discardArtifact(sha256)
  return { ...input, sha256, metadata, size, features: input.features ?? null }
}
