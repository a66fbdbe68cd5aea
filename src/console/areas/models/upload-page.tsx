import { SimpleGrid, Stack, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { type UploadItem, useUploadQueue } from '../../api/upload-queue.ts'
import { models as t } from '../../texts/models.ts'
import { TextLink } from '../../ui/link.tsx'
import { Page, UnreadPage } from '../../ui/page.tsx'
import { type UploadActions, UploadCard } from '../../ui/upload-card.tsx'
import { UploadList } from '../../ui/upload-list.tsx'
import { type ModelRow, modelsQuery, type UploadFields, useUploadModel } from './api.ts'

/** New models, or a new version of one. */
export function UploadModelPage() {
  const project = useProject()
  const session = useSession()
  const { name: target } = useSearch({ from: '/shell/projects/$project/upload-model' })
  const { data: known, error } = useQuery(modelsQuery(project.project_id))
  const before = known?.find(model => model.name === target)
  const queue = useUploadQueue<UploadFields, ModelRow>(
    file => proposed(file, target, before),
    useUploadModel(project.project_id),
  )
  if (!may(session, 'editor', project.slug)) throw new Problem(404, {})
  // a new version keeps names of features that have to be known first
  if (target !== undefined && !known) return <UnreadPage title={t.uploadVersion} error={error} />
  return (
    <Page title={target ? t.uploadVersion : t.uploadTitle} about={target ? t.versionAbout(target) : t.uploadAbout}>
      <UploadList
        queue={queue}
        drop={target ? t.dropOne : t.drop}
        dropHint={t.dropHint}
        several={target === undefined}
        isReady={({ file, fields }) => isModel(file) && fields.name !== ''}
        start={t.start}
        card={(item, actions) => <ModelUpload item={item} {...actions} />}
      />
    </Page>
  )
}

const isModel = (file: File) => /\.onnx$/i.test(file.name)

/** A new version has the features of the one before, where somebody named them. */
function proposed(file: File, target: string | undefined, before: ModelRow | undefined): UploadFields {
  const isNamed = before && before.inputs.length === 1 && before.features.every(f => f.name !== f.input)
  return {
    name: target ?? file.name.replace(/\.onnx$/i, '').replace(/[^\w.-]/g, '_'),
    version: '',
    features: isNamed ? before.feature_columns.join(', ') : '',
  }
}

interface ModelUploadProps extends UploadActions<UploadFields> {
  item: UploadItem<UploadFields, ModelRow>
}

function ModelUpload({ item, onEdit, onRemove, onRetry }: ModelUploadProps) {
  const project = useProject()
  return (
    <UploadCard
      item={item}
      refused={isModel(item.file) ? undefined : t.notRead}
      fields={<Fields fields={item.fields} onEdit={onEdit} />}
      working={{ text: t.inspecting }}
      done={row => <Taken row={row} project={project.slug} />}
      onRemove={onRemove}
      onRetry={onRetry}
    />
  )
}

function Fields({ fields, onEdit }: { fields: UploadFields; onEdit: (fields: UploadFields) => void }) {
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <TextInput
          label={t.modelName}
          description={t.modelNameHint}
          required
          spellCheck={false}
          value={fields.name}
          onChange={event => onEdit({ ...fields, name: event.currentTarget.value })}
        />
        <TextInput
          label={t.versionNumber}
          description={t.versionHint}
          inputMode="numeric"
          value={fields.version}
          onChange={event => onEdit({ ...fields, version: event.currentTarget.value })}
        />
      </SimpleGrid>
      <Textarea
        label={t.featureNames}
        description={t.featureNamesHint}
        minRows={1}
        spellCheck={false}
        value={fields.features}
        onChange={event => onEdit({ ...fields, features: event.currentTarget.value })}
      />
    </Stack>
  )
}

function Taken({ row, project }: { row: ModelRow; project: string }) {
  const params = { project, model: row.name }
  const search = row.active ? {} : { version: row.version }
  return (
    <>
      <TextLink to="/projects/$project/models/$model" params={params} search={search}>
        {row.name}
      </TextLink>{' '}
      {t.taken(row.version)}, {row.active ? t.isActive : t.notActive}
      {' · '}
      <TextLink to="/projects/$project/models/$model/try" params={params} search={search}>
        {t.tryIt}
      </TextLink>
    </>
  )
}
