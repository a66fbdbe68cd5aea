import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml'
import { checkConnection, type DeclaredConnection } from '../../catalog/connections.ts'
import { HOOKS } from '../../catalog/handler.ts'
import { checkDatasetName } from '../../catalog/names.ts'
import type { PorterApp } from '../../catalog/porter.ts'
import { checkServiceConfig } from '../../catalog/service-config.ts'
import { Fault, reworded, unprocessable } from '../../lib/fault.ts'
import { isObject } from '../../lib/json.ts'
import { wellFormed } from '../../lib/secret.ts'
import { checkShape } from '../../lib/shape.ts'
import { shown } from '../../lib/text.ts'
import { naming } from './naming.ts'
import { checkOnce } from './once.ts'
import {
  Manifest,
  type ManifestConnection,
  type ManifestDataset,
  type ManifestDeployment,
  type ManifestProject,
} from './schema.ts'
import { emptyOf, sourceOf } from './source.ts'

/** A manifest that is complete: its files are absolute and there, its secrets are read. */
export interface ReadManifest {
  porter?: PorterApp
  connections: DeclaredConnection[]
  projects: ManifestProject[]
  /** secret_env -> the secret */
  secrets: Map<string, string>
}

/**
 * Reads a manifest's file. Paths in it are relative to it.
 * @throws Fault 422 what is wrong with it, where: YAML, shape, a file that is missing, a secret that is not set
 */
export function readManifest(path: string, env: Record<string, string | undefined> = process.env): ReadManifest {
  if (!existsSync(path)) throw unprocessable(`There is no manifest at ${path}.`)
  const lineCounter = new LineCounter()
  const document = parseDocument(readText(path), { prettyErrors: true, lineCounter, merge: true })
  const [error] = document.errors
  if (error) throw unprocessable(`${path} is not valid YAML: ${error.message.split('\n')[0]}`)
  const inexact = inexactNumber(document)
  if (inexact !== undefined)
    throw unprocessable(
      `${path}: line ${lineCounter.linePos(inexact).line} has a number that cannot be kept exactly; write it as a string.`,
    )
  const given = plainOf(document, path)
  if (!isObject(given)) throw unprocessable(`${path} is not a manifest: it must have projects.`)
  try {
    const lineOf = (place: string[]) => `line ${lineCounter.linePos(offsetOf(document, place)).line}`
    return completeManifest(given, dirname(resolve(path)), env, lineOf)
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault
    throw reworded(fault, `${path}: ${fault.message}`)
  }
}

/** A file's text, without a byte order mark. @throws Fault 422 it cannot be read, or is not in UTF-8: other bytes would become other names */
export function readText(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (error) {
    if (error instanceof TypeError) throw unprocessable(`${path} is not in UTF-8.`)
    throw unprocessable(`${path} cannot be read (${(error as { code?: string }).code}).`)
  }
}

/** How many values all aliases of a manifest may stand for: many times what a long one has, and no bomb. */
const MOST_ALIASED = 100_000

/** @throws Fault 422 an alias without its anchor, or that stands for too much */
function plainOf(document: Document.Parsed, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASED })
  } catch (error) {
    throw unprocessable(`${path} is not valid YAML: ${(error as Error).message}`)
  }
}

/** Where a number stands that would become another one: an integer beyond 2^53, or a number beyond a double. */
function inexactNumber(document: Document.Parsed): number | undefined {
  let found: number | undefined
  visit(document, {
    Scalar(_key, { value, source = '', range }) {
      if (typeof value !== 'number') return undefined
      if (Number.isFinite(value) && (Number.isSafeInteger(value) || !/^[+-]?\d+$|^0[xo]/.test(source))) return undefined
      found = range?.[0] ?? 0
      return visit.BREAK
    },
  })
  return found
}

/** Where in the text a place begins, or what it would be in: the name of a field, an item of a list. */
function offsetOf(document: Document.Parsed, place: string[]): number {
  let node: unknown = document.contents
  let offset = 0
  for (const part of place) {
    if (isAlias(node)) node = node.resolve(document)
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === part) : undefined
    const found = (pair?.key ?? (isSeq(node) ? node.items[Number(part)] : undefined)) as Node | undefined
    if (!found?.range) break
    offset = found.range[0]
    node = pair ? pair.value : found
  }
  return offset
}

/** @throws Fault 422 there is no such file, or it cannot be read */
export function checkFile(absolute: string, path: string): void {
  if (!existsSync(absolute)) throw unprocessable(`there is no file ${path}.`)
  if (!statSync(absolute).isFile()) throw unprocessable(`${path} is no file.`)
  try {
    accessSync(absolute, constants.R_OK)
  } catch (error) {
    throw unprocessable(`${path} cannot be read (${(error as { code?: string }).code}).`)
  }
}

/**
 * Checks a manifest and completes it from the folder that its paths are relative to.
 * @param lineOf says where in the file a place is
 * @throws Fault 422
 */
export function completeManifest(
  given: unknown,
  folder: string,
  env: Record<string, string | undefined> = {},
  lineOf: (place: string[]) => string = () => '',
): ReadManifest {
  checkShape(Manifest, given, lineOf)
  checkOnce(given)
  const { projects, porter, connections = [] } = structuredClone(given) as Manifest
  const secrets = new Map<string, string>()
  const ofKeys = new Map<string, string>()
  const file = (path: string, what: string) => {
    const absolute = resolve(folder, path)
    naming(what, () => checkFile(absolute, path))
    return absolute
  }
  for (const project of projects) {
    for (const dataset of project.datasets ?? []) completeDataset(dataset, folder, file)
    for (const model of project.models ?? [])
      for (const version of model.versions)
        version.file = file(version.file, `model ${model.name} version ${version.version}`)
    for (const service of project.services ?? []) {
      const { key, endpoints = [] } = service
      for (const endpoint of endpoints)
        for (const code of [endpoint, ...HOOKS.map(hook => endpoint[hook])]) {
          if (!isNamed(code)) continue
          code.handler = readText(file(code.handler_file!, `service ${key}: endpoint ${shown(String(endpoint.id))}`))
          delete code.handler_file
        }
      naming(`service ${shown(key)}`, () => checkServiceConfig({ endpoints }))
    }
    for (const deployment of (project.deployments ?? []) as ManifestDeployment[])
      completeDeployment(deployment, folder, file)
    for (const key of [...(project.services ?? []).flatMap(s => s.keys ?? []), ...(project.keys ?? [])]) {
      if (key.secret_env === undefined) continue
      const secret = env[key.secret_env]
      if (!secret) throw unprocessable(`key ${key.name}: the environment variable ${key.secret_env} is not set.`)
      if (!wellFormed(secret, 'dk'))
        throw unprocessable(
          `key ${key.name}: ${key.secret_env} does not hold a key; "callgate secret dk" prints one of the right form.`,
        )
      if (ofKeys.has(secret))
        throw unprocessable(`key ${key.name}: ${key.secret_env} holds the secret of key ${ofKeys.get(secret)}.`)
      ofKeys.set(secret, key.name)
      secrets.set(key.secret_env, secret)
    }
  }
  return { projects, porter, connections: connections.map(c => completeConnection(c, folder)), secrets }
}

/** @throws Fault 422 a field that does not go with the dataset's engine, or is missing for it */
function completeDataset(dataset: ManifestDataset, folder: string, file: (path: string, what: string) => string): void {
  const { engine = 'sqlite', from } = dataset
  const what = `dataset ${shown(dataset.name)}`
  naming(what, () => checkDatasetName(dataset.name))
  if (from !== undefined) dataset.from = engine === 'sqlite' ? file(from, what) : resolve(folder, from)
  if (emptyOf(dataset)) checkDeclared(dataset)
  else naming(what, () => sourceOf(dataset))
}

/** @throws Fault 422 its name, or not exactly one place for its URL */
function completeConnection({ name, kind, url_env, url_file }: ManifestConnection, folder: string): DeclaredConnection {
  const declared = {
    name,
    kind,
    urlEnv: url_env,
    urlFile: url_file === undefined ? undefined : resolve(folder, url_file),
  }
  checkConnection(declared)
  return declared
}

/** A program runs in the manifest's folder, unless `cwd` says where; certificates of authorities come from a file. */
function completeDeployment(
  deployment: ManifestDeployment,
  folder: string,
  file: (path: string, what: string) => string,
): void {
  if (deployment.command !== undefined)
    deployment.cwd = typeof deployment.cwd === 'string' ? resolve(folder, deployment.cwd) : (deployment.cwd ?? folder)
  if (deployment.ca_file === undefined) return
  deployment.ca = readText(file(deployment.ca_file, `deployment ${deployment.name}`))
  delete deployment.ca_file
}

/** @throws Fault 422 there is no file, and it is not said whole what the table is without one */
function checkDeclared({ name, writable, columns = {} }: ManifestDataset): void {
  if (!writable)
    throw unprocessable(`dataset ${name}: from is missing: only a writable table may begin without a file.`)
  const untyped = Object.keys(columns).find(column => columns[column]!.type === undefined)
  if (untyped !== undefined || Object.keys(columns).length === 0)
    throw unprocessable(`dataset ${name}: without a file (from), columns must name every column and its type.`)
}

/** Code that is in a file of its own. */
const isNamed = (code: unknown): code is { handler?: string; handler_file?: string } =>
  typeof code === 'object' && code !== null && typeof (code as { handler_file?: unknown }).handler_file === 'string'
