import { and, asc, eq } from 'drizzle-orm'
import { deployments } from '../../db/schema.ts'
import { checkDeploymentName } from './names.ts'
import { type Actor, note, now, type Store } from './store.ts'

export type Deployment = typeof deployments.$inferSelect

export const listDeployments = (store: Store, projectId: number): Deployment[] =>
  store.select().from(deployments).where(eq(deployments.projectId, projectId)).orderBy(asc(deployments.name)).all()

/** Declares a deployment or changes its declaration. @returns whether anything changed. @throws Fault 422 the name's form */
export function putDeployment(store: Store, actor: Actor, projectId: number, name: string, config: unknown): boolean {
  checkDeploymentName(name)
  const own = and(eq(deployments.projectId, projectId), eq(deployments.name, name))
  const existing = store.select().from(deployments).where(own).get()
  if (existing && JSON.stringify(existing.config) === JSON.stringify(config)) return false
  if (existing) store.update(deployments).set({ config, updatedAt: now() }).where(own).run()
  else store.insert(deployments).values({ projectId, name, config, updatedAt: now() }).run()
  note(store, actor, existing ? 'deployment.update' : 'deployment.create', name, projectId)
  return true
}
