import { Badge, Group, Stack, Text } from '@mantine/core'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { models as t } from '../../texts/models.ts'
import { uploads } from '../../texts/uploads.ts'
import { CopyIcon } from '../../ui/copy.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Loading } from '../../ui/loading.tsx'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type FeatureRow, type ModelRow, type TensorRow, useModel, useShownVersion } from './api.ts'
import { DeleteModel } from './delete-model.tsx'
import { shapeText } from './shape.ts'

/** What a version takes and gives. */
export function OverviewPage() {
  const session = useSession()
  const project = useProject()
  const model = useModel()
  const { shown, error } = useShownVersion()
  if (!shown) return error ? <ProblemAlert error={error} /> : <Loading height={200} />
  return (
    <Stack gap="xl">
      <Facts
        facts={{
          [t.version]: (
            <Group gap={6}>
              {shown.version}
              <Badge color={shown.active ? 'teal' : 'gray'}>{shown.active ? t.isActive : t.notActive}</Badge>
            </Group>
          ),
          [t.size]: uploads.size(shown.size),
          [t.added]: <RelativeTime at={shown.created_at} />,
          [t.sha]: (
            <Group gap={4} wrap="nowrap">
              <Text span inherit ff="monospace" truncate>
                {shown.sha256}
              </Text>
              <CopyIcon value={shown.sha256} what={t.sha} />
            </Group>
          ),
        }}
      />
      <Section title={t.features} about={t.featuresAbout}>
        <DataTable
          label={t.features}
          columns={FEATURES}
          rows={shown.features}
          rowKey={feature => feature.name}
          search={feature => feature.name}
          maxHeight={480}
        />
      </Section>
      <Tensors title={t.inputs} tensors={shown.inputs} />
      <Tensors title={t.outputs} tensors={shown.outputs} />
      {shown.labels && <Labels labels={shown.labels} />}
      {may(session, 'editor', project.slug) && <DeleteModel model={model} />}
    </Stack>
  )
}

const FEATURES: Column<FeatureRow>[] = [
  { key: 'name', header: t.feature, sort: feature => feature.name, cell: feature => feature.name },
  { key: 'type', header: t.type, sort: feature => feature.type, cell: feature => feature.type },
  {
    key: 'shape',
    header: t.shape,
    cell: ({ shape }) => (shape.length === 0 ? t.scalar : shapeText(shape)),
  },
  { key: 'input', header: t.input, cell: feature => feature.input },
]

const Tensors = ({ title, tensors }: { title: string; tensors: TensorRow[] }) => (
  <Section title={title}>
    <DataTable label={title} columns={TENSORS} rows={tensors} rowKey={tensor => tensor.name} maxHeight={360} />
  </Section>
)

const TENSORS: Column<TensorRow>[] = [
  { key: 'name', header: t.tensor, cell: tensor => tensor.name },
  { key: 'type', header: t.type, cell: tensor => tensor.type },
  { key: 'shape', header: t.shape, cell: tensor => shapeText(tensor.dims, t.batch) },
]

const MOST_LABELS = 100

function Labels({ labels }: { labels: NonNullable<ModelRow['labels']> }) {
  return (
    <Section title={t.labels} about={t.labelsAbout(labels.length)}>
      <Group gap={6}>
        {labels.slice(0, MOST_LABELS).map(label => (
          <Badge key={label} color="gray">
            {label}
          </Badge>
        ))}
        {labels.length > MOST_LABELS && (
          <Text size="sm" c="dimmed">
            {t.moreLabels(labels.length - MOST_LABELS)}
          </Text>
        )}
      </Group>
    </Section>
  )
}
