import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closeCatalog, connectCatalog, type Db } from '../../db/connect.ts'
import { audit } from '../../db/schema.ts'
import { type KeyFields, PLAIN_KEY } from '../../src/catalog/keys.ts'
import { createProject } from '../../src/catalog/projects.ts'
import type { Actor } from '../../src/catalog/store.ts'
import { Fault } from '../../src/lib/fault.ts'

export const ACTOR: Actor = { name: 'tester' }

export const KEY: KeyFields = { ...PLAIN_KEY, name: 'app' }

/** A catalog of a test's own, with one project. */
export function openCatalog() {
  const dir = mkdtempSync(join(tmpdir(), 'callgate-catalog-'))
  const { db } = connectCatalog(dir)
  const project = createProject(db, ACTOR, { slug: 'p', name: 'P' })
  return {
    dir,
    db,
    project,
    close() {
      closeCatalog(db)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** The audit as one text, to look for what must not be in it. */
export const auditText = (db: Db): string => JSON.stringify(db.select().from(audit).all())

export const actions = (db: Db): string[] =>
  db
    .select()
    .from(audit)
    .all()
    .map(row => row.action)

/** `status message` of what is refused. @throws what is no Fault, and when nothing is refused */
export function refused(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Fault) return `${error.status} ${error.message}`
    throw error
  }
  throw new Error('it was not refused')
}
