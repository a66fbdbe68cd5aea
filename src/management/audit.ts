import { and, count, desc, inArray, lt } from 'drizzle-orm'
import { audit } from '../../db/schema.ts'
import { listProjects, roleOf } from '../catalog/projects.ts'
import { slices } from '../lib/slices.ts'
import type { ManagementContext, SignedIn } from './context.ts'
import { json, linksOf, partOf } from './respond.ts'

/** Listed where no page is asked for. */
const MOST = 10_000
/** Read together: a millisecond or two. */
const ROWS_AT_ONCE = 100

/**
 * What was changed, newest first: all of it for administrators, the own projects' for their editors. The latest only, where no page
 * is asked for; in pages as far back as there is anything.
 */
export async function auditTrail(context: ManagementContext, request: Request, { user }: SignedIn): Promise<Response> {
  const { db } = context
  const own = listProjects(db).filter(p => ['editor', 'admin'].includes(roleOf(db, user.id, p.id) ?? ''))
  const ofUser = user.isAdmin
    ? undefined
    : inArray(
        audit.projectId,
        own.map(p => p.id),
      )
  const part = partOf(request)
  const { from, most } = part ?? { from: 0, most: MOST }
  const first = db
    .select({ id: audit.id })
    .from(audit)
    .where(ofUser)
    .orderBy(desc(audit.id))
    .limit(1)
    .offset(from)
    .get()
  const others = slices()
  const rows: AuditRow[] = []
  for (let before = (first?.id ?? 0) + 1; rows.length < most; before = rows.at(-1)!.id) {
    const next = db
      .select()
      .from(audit)
      .where(and(ofUser, lt(audit.id, before)))
      .orderBy(desc(audit.id))
      .limit(Math.min(ROWS_AT_ONCE, most - rows.length))
      .all()
    for (const row of next) rows.push(auditRow(row))
    if (next.length < ROWS_AT_ONCE) break
    const wait = others()
    if (wait) await wait
  }
  const links = part && linksOf(request, part, db.select({ n: count() }).from(audit).where(ofUser).get()!.n)
  return json({ items: rows }, 200, links)
}

const auditRow = ({ projectId, ...row }: typeof audit.$inferSelect) => ({ ...row, project_id: projectId })
export type AuditRow = ReturnType<typeof auditRow>
