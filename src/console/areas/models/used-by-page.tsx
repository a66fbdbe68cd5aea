import { models as t } from '../../texts/models.ts'
import { UsedByTable } from '../../ui/used-by.tsx'
import { useModel } from './api.ts'

export function ModelUsedByPage() {
  return <UsedByTable uses={useModel().used_by} next={t.nextUse} />
}
