import { Select } from '@mantine/core'
import type { ModelEndpoint } from '../../../catalog/service-config.ts'
import { parts } from '../../texts/endpoint-parts.ts'
import { services as t } from '../../texts/services.ts'
import type { ModelRow } from '../models/api.ts'

interface VersionSelectProps {
  endpoint: ModelEndpoint
  model: ModelRow | undefined
  /** whether the project's models are known: then what is not among them is not there */
  isRead: boolean
  onChange: (change: Pick<ModelEndpoint, 'model' | 'model_id' | 'version'>) => void
}

const FOLLOW = 'active'
const BY_ID = 'id:'

/** Which version is served: the one that is active, one by its number, or one by its id. */
export function VersionSelect({ endpoint, model, isRead, onChange }: VersionSelectProps) {
  const { model_id: id, version } = endpoint
  const versions = model?.versions ?? []
  const ids = [...versions.map(v => v.model_id), ...(id === undefined || model ? [] : [id])]
  const numbers = [...new Set([...versions.map(v => v.version), ...(version === undefined ? [] : [version])])]
  const name = model?.name ?? endpoint.model
  const choose = (chosen: string | null) => {
    if (chosen?.startsWith(BY_ID))
      onChange({ model_id: Number(chosen.slice(BY_ID.length)), model: undefined, version: undefined })
    else
      onChange({ model_id: undefined, model: name, version: chosen === FOLLOW || !chosen ? undefined : Number(chosen) })
  }
  const isThere =
    id !== undefined ? model !== undefined : version === undefined || versions.some(v => v.version === version)
  return (
    <Select
      label={t.version}
      description={id !== undefined ? parts.pinnedById : version !== undefined ? parts.pinned : parts.follows}
      data={[
        {
          group: parts.byName,
          items: name
            ? [
                { value: FOLLOW, label: t.activeVersion(model?.version ?? null) },
                ...numbers.map(number => ({ value: String(number), label: t.versionOf(number) })),
              ]
            : [],
        },
        {
          group: parts.byId,
          items: ids.map(each => ({
            value: BY_ID + each,
            label: parts.versionById(each, versions.find(v => v.model_id === each)?.version),
          })),
        },
      ]}
      value={id !== undefined ? BY_ID + id : version === undefined ? FOLLOW : String(version)}
      onChange={choose}
      error={isRead && (model || id !== undefined) && !isThere ? parts.noSuchVersion : undefined}
      disabled={!name && ids.length === 0}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
    />
  )
}
