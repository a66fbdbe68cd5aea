import { Select, type SelectProps, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useProject } from '../../api/projects.ts'
import { services as t } from '../../texts/services.ts'
import { type DatasetRow, datasetsQuery } from '../datasets/api.ts'

const useRead = () => useQuery(datasetsQuery(useProject().project_id))

/** The project's datasets; undefined while they are read. */
export const useDatasets = (): DatasetRow[] | undefined => useRead().data

interface DatasetSelectProps {
  value: string
  onChange: (name: string) => void
  label?: string
  w?: SelectProps['w']
}

/** A dataset of the project; a name that it does not have (any more) stays as it is. */
export function DatasetSelect({ value, onChange, label = t.dataset, w }: DatasetSelectProps) {
  const { data: datasets, error } = useRead()
  const names = datasets?.map(({ name }) => name) ?? []
  return (
    <div>
      <Select
        label={label}
        data={value && !names.includes(value) ? [value, ...names] : names}
        value={value || null}
        onChange={name => name && onChange(name)}
        error={datasets ? value && !names.includes(value) && t.noSuchDataset : error?.message}
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
