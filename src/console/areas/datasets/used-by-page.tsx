import { useProject } from '../../api/projects.ts'
import { datasets as t } from '../../texts/datasets.ts'
import { UsedByTable } from '../../ui/used-by.tsx'
import { useDataset } from './api.ts'

export function UsedByPage() {
  const project = useProject()
  const { dataset } = useDataset()
  const called = { project: project.project_id, dataset: dataset.name }
  return <UsedByTable uses={dataset.used_by} next={t.nextUse} called={called} />
}
