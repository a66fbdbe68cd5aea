import { unprocessable } from '../../lib/fault.ts'
import { shown } from '../../lib/text.ts'
import type { Manifest, ManifestKey } from './schema.ts'

/**
 * Whatever a manifest declares by its name is declared once: of two the later one would win, silently, and both would be
 * changed again at every start.
 * @throws Fault 422 what is there twice
 */
export function checkOnce({ connections = [], projects }: Manifest): void {
  const seen = new Set<string>()
  const once = (what: string, name: string | number, within = '') => {
    const place = JSON.stringify([within, what, name])
    if (seen.has(place)) throw unprocessable(`${what} ${shown(String(name))} is declared twice.`)
    seen.add(place)
  }
  for (const { name } of connections) once('connection', name)
  for (const { slug, datasets = [], models = [], services = [], deployments = [], keys = [] } of projects) {
    for (const { name } of datasets) once('dataset', name, slug)
    for (const { name, versions } of models) {
      once('model', name, slug)
      for (const { version } of versions) once(`model ${shown(name)} version`, version, slug)
    }
    for (const service of services) {
      once('service', service.key)
      checkKeys(service.keys ?? [])
    }
    for (const { name } of deployments) once('deployment', name, slug)
    checkKeys(keys)
  }
}

/** Keys are told apart by their secrets; one without `secret_env` by its name. */
function checkKeys(keys: readonly ManifestKey[]): void {
  const hasSecret = new Map<string, boolean>()
  for (const { name, secret_env } of keys) {
    if (hasSecret.has(name) && (secret_env === undefined || !hasSecret.get(name)))
      throw unprocessable(`key ${shown(name)} is declared twice: two keys of one name both need a secret_env.`)
    hasSecret.set(name, secret_env !== undefined)
  }
}
