import { and, desc, inArray, lt } from 'drizzle-orm'
import { audit } from '../../db/schema.ts'
import { listProjects, roleOf } from '../catalog/projects.ts'
import { slices } from '../lib/slices.ts'
import type { ManagementContext, SignedIn } from './context.ts'
import { list } from './respond.ts'

const MOST = 10_000
/** Read together: a millisecond or two. */
const ROWS_AT_ONCE = 100

/** What was changed, newest first: all of it for administrators, the own projects' for their editors. */
export async function auditTrail(context: ManagementContext, request: Request, { user }: SignedIn): Promise<Response> {
  const own = listProjects(context.db).filter(p =>
    ['editor', 'admin'].includes(roleOf(context.db, user.id, p.id) ?? ''),
  )
  const ofUser = user.isAdmin
    ? undefined
    : inArray(
        audit.projectId,
        own.map(p => p.id),
      )
  const others = slices()
  const rows: AuditRow[] = []
  for (let before = Number.MAX_SAFE_INTEGER; rows.length < MOST; before = rows.at(-1)!.id) {
    const next = context.db
      .select()
      .from(audit)
      .where(and(ofUser, lt(audit.id, before)))
      .orderBy(desc(audit.id))
      .limit(ROWS_AT_ONCE)
      .all()
    for (const row of next) rows.push(auditRow(row))
    if (next.length < ROWS_AT_ONCE) break
    const wait = others()
    if (wait) await wait
  }
  return list(request, rows, items => ({ items }))
}

const auditRow = ({ projectId, ...row }: typeof audit.$inferSelect) => ({ ...row, project_id: projectId })
export type AuditRow = ReturnType<typeof auditRow>
