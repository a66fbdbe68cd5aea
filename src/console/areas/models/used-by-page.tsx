import { useProject } from '../../api/projects.ts'
import { models as t } from '../../texts/models.ts'
import { UsedByTable } from '../../ui/used-by.tsx'
import { useModel } from './api.ts'

export function ModelUsedByPage() {
  const project = useProject()
  const model = useModel()
  const called = { project: project.project_id, model: model.name }
  return <UsedByTable uses={model.used_by} next={t.nextUse} called={called} />
}
