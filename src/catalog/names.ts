/** What things may be called. Every check throws a Fault 422 that says which names there can be. */
import { conflict, unprocessable } from '../lib/fault.ts'

const SLUG = /^[a-z0-9][a-z0-9._-]{0,62}$/
const SERVICE_KEY = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/
const DATASET = /^[A-Za-z_][\w$-]{0,62}\.[A-Za-z_][\w$-]{0,62}$/
const MODEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const DEPLOYMENT = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** Would shadow `/v1/models` and what OpenAI-shaped clients ask for below `/v1`. */
const RESERVED_SLUGS = new Set(['models', 'chat', 'completions', 'embeddings', 'responses'])
/** Kept for literal routes below a service. */
export const RESERVED_ENDPOINTS: ReadonlySet<string> = new Set(['runs', 'openapi.json'])

export function checkSlug(slug: string): void {
  if (!SLUG.test(slug))
    throw unprocessable('A project slug is 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit.')
  if (RESERVED_SLUGS.has(slug))
    throw unprocessable(`The project slug ${slug} would shadow another route of this server.`)
}

export function checkServiceKey(key: string): void {
  if (!SERVICE_KEY.test(key))
    throw unprocessable('A service key is 1 to 128 of A-Z a-z 0-9 _ - and begins with a letter or digit.')
}

export function checkDatasetName(name: string): void {
  if (!DATASET.test(name))
    throw unprocessable(
      'A dataset is named schema.table: each part letters, digits, _ $ -, beginning with a letter or _.',
    )
}

/** A file's name, made one that a table can have. */
export const tableNameOf = (file: string): string =>
  file
    .replace(/\..*$/, '')
    .replace(/[^\w$-]/g, '_')
    .replace(/^(?![A-Za-z_])/, '_')
    .slice(0, 63)

export function checkModelName(name: string): void {
  if (!MODEL.test(name))
    throw unprocessable('A model name is 1 to 128 of A-Z a-z 0-9 . _ - and begins with a letter or digit.')
}

export function checkDeploymentName(name: string): void {
  if (!DEPLOYMENT.test(name))
    throw unprocessable('A deployment name is a DNS label: 1 to 63 of a-z 0-9 -, not at either end.')
}

/**
 * An endpoint id may hold a space or a slash (clients percent-encode it), but nothing that no URL can carry.
 * @throws Fault 422; 409 it is reserved
 */
export function checkEndpointId(id: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (id.length === 0 || id.length > 128 || !id.isWellFormed() || /[\u0000-\u001f\u007f]/.test(id) || /^\.+$/.test(id))
    throw unprocessable('An endpoint id is 1 to 128 characters, none of them a control character, and not only dots.')
  if (RESERVED_ENDPOINTS.has(id)) throw conflict(`The endpoint id ${id} is reserved.`)
}
