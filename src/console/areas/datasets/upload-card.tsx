import { Checkbox, SimpleGrid, Stack, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import type { UploadItem } from '../../api/upload-queue.ts'
import { datasets as t } from '../../texts/datasets.ts'
import { TextLink } from '../../ui/link.tsx'
import { type UploadActions, UploadCard } from '../../ui/upload-card.tsx'
import { type DatasetRow, importProgressQuery, keyAndIndexesOf, type UploadFields } from './api.ts'

interface DatasetUploadProps extends UploadActions<UploadFields> {
  item: UploadItem<UploadFields, DatasetRow>
  known: DatasetRow[]
  isReadable: boolean
}

/** A file that becomes a dataset, or new rows of one. */
export function DatasetUpload({ item, known, isReadable, onEdit, onRemove, onRetry }: DatasetUploadProps) {
  const project = useProject()
  const { data: progress } = useQuery(importProgressQuery(item.id, item.state === 'working'))
  return (
    <UploadCard
      item={item}
      refused={isReadable ? undefined : t.notRead}
      fields={<Fields item={item} known={known} onEdit={onEdit} />}
      working={{ text: t.importing(progress?.phase ?? '', progress?.rows ?? 0), share: progress?.fraction }}
      done={row => <Imported row={row} project={project.slug} />}
      onRemove={onRemove}
      onRetry={onRetry}
    />
  )
}

function Fields({ item, known, onEdit }: Pick<DatasetUploadProps, 'item' | 'known' | 'onEdit'>) {
  const { fields, error } = item
  const existing = known.find(dataset => dataset.name === fields.name.trim())
  /** What is there keeps its key and indexes where none were named: in sight, to be changed. */
  const replace = (isChecked: boolean) => {
    const { primaryKey, indexes } = keyAndIndexesOf(isChecked ? existing : undefined)
    onEdit({
      ...fields,
      replace: isChecked,
      primaryKey: fields.primaryKey || primaryKey,
      indexes: fields.indexes || indexes,
    })
  }
  // rows that endpoints wrote are lost only where somebody says so
  const asksForce = fields.replace && (fields.force || (error instanceof Problem && error.code === 'rows_written'))
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
        <TextInput
          label={t.datasetName}
          description={t.nameHint}
          required
          spellCheck={false}
          value={fields.name}
          onChange={event => onEdit({ ...fields, name: event.currentTarget.value })}
        />
        <TextInput
          label={t.primaryKey}
          description={t.primaryKeyHint}
          spellCheck={false}
          value={fields.primaryKey}
          onChange={event => onEdit({ ...fields, primaryKey: event.currentTarget.value })}
        />
        <Textarea
          label={t.indexes}
          description={t.indexesHint}
          spellCheck={false}
          minRows={1}
          value={fields.indexes}
          onChange={event => onEdit({ ...fields, indexes: event.currentTarget.value })}
        />
      </SimpleGrid>
      {(existing || fields.replace) && (
        <Checkbox
          label={t.replaces}
          checked={fields.replace}
          onChange={event => replace(event.currentTarget.checked)}
        />
      )}
      {asksForce && (
        <Checkbox
          label={t.losesWrites}
          checked={fields.force}
          onChange={event => onEdit({ ...fields, force: event.currentTarget.checked })}
        />
      )}
    </Stack>
  )
}

function Imported({ row, project }: { row: DatasetRow; project: string }) {
  const open = row.columns.filter(column => column.proposal !== null).length
  const params = { project, dataset: row.name }
  return (
    <>
      {t.imported(row.row_count)}{' '}
      <TextLink to="/projects/$project/datasets/$dataset" params={params}>
        {row.name}
      </TextLink>
      {open > 0 && (
        <>
          {' · '}
          <TextLink to="/projects/$project/datasets/$dataset/columns" params={params}>
            {t.tiersProposed(open)}
          </TextLink>
        </>
      )}
    </>
  )
}
