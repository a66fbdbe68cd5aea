import { Select, type SelectProps, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useProject } from '../../api/projects.ts'
import { services as t } from '../../texts/services.ts'
import { type DatasetRow, datasetsQuery } from './api.ts'

/** The project's datasets; undefined while they are read. */
export function useDatasets(): DatasetRow[] | undefined {
  const { project_id } = useProject()
  return useQuery(datasetsQuery(project_id)).data
}

interface DatasetSelectProps {
  value: string
  onChange: (name: string) => void
  label?: string
  w?: SelectProps['w']
}

/** A dataset of the project; a name that it does not have (any more) stays as it is. */
export function DatasetSelect({ value, onChange, label = t.dataset, w }: DatasetSelectProps) {
  const datasets = useDatasets()
  const names = datasets?.map(({ name }) => name) ?? []
  return (
    <div>
      <Select
        label={label}
        data={value && !names.includes(value) ? [value, ...names] : names}
        value={value || null}
        onChange={name => name && onChange(name)}
        error={datasets && value && !names.includes(value) ? t.noSuchDataset : undefined}
        searchable
        required
        w={w}
      />
      {datasets?.length === 0 && (
        <Text size="xs" c="dimmed" mt={4}>
          {t.noDatasets}
        </Text>
      )}
    </div>
  )
}
