import { Alert, Badge, Button, Code, Group, NativeSelect, Paper, Stack, Text } from '@mantine/core'
import { IconShieldQuestion } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import type { Mask, Sensitivity } from '../../../catalog/column.ts'
import { isMeanwhile } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { datasets as t } from '../../texts/datasets.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { showDone } from '../../ui/notify.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { type ColumnRow, type DatasetRow, profileQuery, useBase, useChangeDataset, useDataset } from './api.ts'
import { type Policy, type PolicyDraft, policyOf, shownAs, withChange } from './policy.ts'

/** What each column is, and who sees what of it. Nothing is changed before it is saved. */
export function ColumnsPage() {
  const project = useProject()
  const session = useSession()
  const { dataset, etag } = useDataset()
  const { data: profile } = useQuery(profileQuery(project.project_id, dataset.name))
  const [draft, setDraft] = useState<PolicyDraft>({})
  const change = useChangeDataset(project.project_id, dataset.name)
  const differs = (before: DatasetRow, now: DatasetRow) => Object.keys(draft).some(name => isOther(name, before, now))
  const base = useBase(dataset, etag, differs, change.error)
  const mayEdit = may(session, 'editor', project.slug)
  const open = dataset.columns.filter(c => c.proposal !== null && !draft[c.name])
  const columns = useMemo(() => {
    const facts = new Map(profile?.columns.map(column => [column.name, column]))
    const edit = (column: ColumnRow, policy: Policy) => setDraft(before => withChange(before, column, policy))
    return columnsFor(dataset, facts, draft, mayEdit ? edit : undefined)
  }, [dataset, profile, draft, mayEdit])
  const changed = Object.keys(draft).length
  const save = () =>
    change.mutate(
      { patch: { columns: draft }, etag: base },
      {
        onSuccess: () => {
          setDraft({})
          showDone(common.saved)
        },
      },
    )
  const acceptAll = () =>
    setDraft(before => ({ ...before, ...Object.fromEntries(open.map(column => [column.name, policyOf(column)])) }))
  const published = dataset.used_by.filter(use => use.in === 'service' && use.published).length
  return (
    <Stack gap="sm">
      {open.length > 0 && (
        <Alert color="yellow" icon={<IconShieldQuestion size={18} />} title={t.proposalsOpen(open.length)}>
          <Group justify="space-between" gap="sm">
            <Text size="sm">{t.proposalsText}</Text>
            {mayEdit && (
              <Button size="xs" variant="default" onClick={acceptAll}>
                {t.acceptAll}
              </Button>
            )}
          </Group>
        </Alert>
      )}
      <Text size="sm" c="dimmed" maw={820}>
        {t.tiersMeaning}
      </Text>
      <DataTable
        label={t.columns}
        columns={columns}
        rows={dataset.columns}
        rowKey={column => column.name}
        search={column => `${column.name} ${column.data_type} ${column.sensitivity}`}
      />
      {changed > 0 && (
        <Paper className="save-bar" role="region" aria-label={t.changes(changed)}>
          <Stack gap="sm">
            <Refusal error={change.error} draft={draft} dataset={dataset} />
            <Group justify="space-between" gap="sm">
              <div>
                <Text fw={500}>{t.changes(changed)}</Text>
                <Text size="sm" c="dimmed">
                  {t.actsAtOnce(published)}
                </Text>
              </div>
              <Group gap="xs">
                <Button
                  variant="default"
                  onClick={() => {
                    setDraft({})
                    change.reset()
                  }}
                >
                  {t.discard}
                </Button>
                <Button onClick={save} loading={change.isPending}>
                  {common.save}
                </Button>
              </Group>
            </Group>
          </Stack>
        </Paper>
      )}
      <LeaveGuard when={changed > 0} />
    </Stack>
  )
}

/** Whether a column's policy, or what is proposed of it, differs. */
const isOther = (name: string, before: DatasetRow, now: DatasetRow) => {
  const [was, is] = [before, now].map(({ columns }) => columns.find(column => column.name === name))
  return !was || !is || JSON.stringify([policyOf(was), was.proposal]) !== JSON.stringify([policyOf(is), is.proposal])
}

/** Where somebody else changed it meanwhile: what the edited columns are now. Else the refusal as it is. */
function Refusal({ error, draft, dataset }: { error: unknown; draft: PolicyDraft; dataset: DatasetRow }) {
  if (!isMeanwhile(error)) return <ProblemAlert error={error} />
  const theirs = dataset.columns.filter(c => draft[c.name])
  return (
    <Alert color="yellow" role="alert" title={t.changedMeanwhile}>
      <Text size="sm">{t.changedMeanwhileText}</Text>
      {theirs.map(({ name, sensitivity, mask }) => (
        <Text key={name} size="sm">
          {t.theirs(name, t.tiers[sensitivity], mask ? t.masks[mask] : t.noMask)}
        </Text>
      ))}
    </Alert>
  )
}

type Facts = { nulls: number | null; distinct: number | null; min: unknown; max: unknown }

function columnsFor(
  dataset: DatasetRow,
  facts: Map<string, Facts>,
  draft: PolicyDraft,
  edit: ((column: ColumnRow, policy: Policy) => void) | undefined,
): Column<ColumnRow>[] {
  const current = (column: ColumnRow) => draft[column.name] ?? policyOf(column)
  const number = (value: number | null | undefined) => (
    <span className="tabular">{value === null || value === undefined ? '–' : value.toLocaleString('en')}</span>
  )
  return [
    {
      key: 'name',
      header: t.column,
      sort: column => column.name,
      cell: column => (
        <Group gap={6} wrap="nowrap">
          <Text span inherit fw={500}>
            {column.name}
          </Text>
          {dataset.primary_key?.includes(column.name) && <Badge color="gray">{t.key}</Badge>}
          {draft[column.name] && <Badge color="teal">{t.willChange}</Badge>}
        </Group>
      ),
    },
    { key: 'type', header: t.type, sort: column => column.data_type, cell: column => column.data_type },
    {
      key: 'tier',
      header: t.tier,
      sort: column => TIERS.indexOf(current(column).sensitivity),
      cell: column => <Tier column={column} policy={current(column)} edit={edit} />,
    },
    {
      key: 'mask',
      header: t.mask,
      cell: column => <MaskChoice column={column} policy={current(column)} edit={edit} />,
    },
    {
      key: 'shown',
      header: t.shownAs,
      cell: column => {
        const text = shownAs(current(column))
        return text === t.asItIs ? text : <Code>{text}</Code>
      },
    },
    {
      key: 'proposal',
      header: t.proposal,
      sort: column => column.proposal?.reason,
      cell: column => <Proposed column={column} decided={draft[column.name] !== undefined} edit={edit} />,
    },
    {
      key: 'nulls',
      header: t.nulls,
      align: 'end',
      sort: column => facts.get(column.name)?.nulls,
      cell: column => (column.nullable ? number(facts.get(column.name)?.nulls) : number(0)),
    },
    {
      key: 'distinct',
      header: t.distinct,
      align: 'end',
      sort: column => facts.get(column.name)?.distinct,
      cell: column => number(facts.get(column.name)?.distinct),
    },
    {
      key: 'range',
      header: t.range,
      cell: column => {
        const { min, max } = facts.get(column.name) ?? {}
        if (min === null || min === undefined) return '–'
        return (
          <span className="tabular" title={`${whole(min)}, ${whole(max)}`}>
            {`${short(min)}, ${short(max)}`}
          </span>
        )
      },
    },
  ]
}

const whole = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const short = (value: unknown): string => {
  const text = whole(value)
  return text.length > 24 ? `${text.slice(0, 24)}…` : text
}

const TIERS = Object.keys(t.tiers) as Sensitivity[]
const MASK_NAMES = Object.keys(t.masks) as Mask[]

interface CellProps {
  column: ColumnRow
  policy: Policy
  edit: ((column: ColumnRow, policy: Policy) => void) | undefined
}

function Tier({ column, policy, edit }: CellProps) {
  if (!edit) return t.tiers[policy.sensitivity]
  return (
    <NativeSelect
      size="xs"
      w={104}
      aria-label={t.tierOf(column.name)}
      data={TIERS.map(value => ({ value, label: t.tiers[value] }))}
      value={policy.sensitivity}
      onChange={event => edit(column, { ...policy, sensitivity: event.currentTarget.value as Sensitivity })}
    />
  )
}

function MaskChoice({ column, policy, edit }: CellProps) {
  const says = policy.mask ? t.masks[policy.mask] : t.noMask
  if (policy.sensitivity === 'low' && policy.mask === null) return '–'
  if (!edit) return says
  return (
    <NativeSelect
      size="xs"
      w={136}
      aria-label={t.maskOf(column.name)}
      data={[{ value: '', label: t.noMask }, ...MASK_NAMES.map(value => ({ value, label: t.masks[value] }))]}
      value={policy.mask ?? ''}
      onChange={event => edit(column, { ...policy, mask: (event.currentTarget.value || null) as Mask | null })}
    />
  )
}

function Proposed({ column, decided, edit }: { column: ColumnRow; decided: boolean; edit: CellProps['edit'] }) {
  const { proposal } = column
  if (!proposal) return '–'
  return (
    <Group gap={6} wrap="nowrap">
      <Text span inherit truncate title={proposal.reason} c={decided ? 'dimmed' : undefined}>
        {proposal.reason}
      </Text>
      {edit && !decided && (
        <>
          <Button
            flex="none"
            size="compact-xs"
            variant="light"
            aria-label={t.acceptOf(column.name)}
            onClick={() => edit(column, { sensitivity: proposal.sensitivity, mask: proposal.mask })}
          >
            {t.accept}
          </Button>
          <Button
            flex="none"
            size="compact-xs"
            variant="default"
            aria-label={t.dismissOf(column.name)}
            onClick={() => edit(column, { sensitivity: 'low', mask: null })}
          >
            {t.dismiss}
          </Button>
        </>
      )}
    </Group>
  )
}
