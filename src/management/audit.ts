import { desc, inArray } from 'drizzle-orm'
import { audit } from '../../db/schema.ts'
import { listProjects, roleOf } from '../catalog/projects.ts'
import type { ManagementContext, SignedIn } from './context.ts'
import { list } from './respond.ts'

const MOST = 10_000

/** What was changed, newest first: all of it for administrators, the own projects' for their editors. */
export function auditTrail(context: ManagementContext, request: Request, { user }: SignedIn): Response {
  const own = listProjects(context.db).filter(p =>
    ['editor', 'admin'].includes(roleOf(context.db, user.id, p.id) ?? ''),
  )
  const where = user.isAdmin
    ? undefined
    : inArray(
        audit.projectId,
        own.map(p => p.id),
      )
  const rows = context.db.select().from(audit).where(where).orderBy(desc(audit.id)).limit(MOST).all()
  return list(request, rows.map(auditRow), items => ({ items }))
}

const auditRow = ({ projectId, ...row }: typeof audit.$inferSelect) => ({ ...row, project_id: projectId })
export type AuditRow = ReturnType<typeof auditRow>
