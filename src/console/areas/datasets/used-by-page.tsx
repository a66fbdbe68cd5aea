import { datasets as t } from '../../texts/datasets.ts'
import { UsedByTable } from '../../ui/used-by.tsx'
import { useDataset } from './api.ts'

export function UsedByPage() {
  const { dataset } = useDataset()
  return <UsedByTable uses={dataset.used_by} next={t.nextUse} />
}
