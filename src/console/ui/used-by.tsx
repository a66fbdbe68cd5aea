import { Badge, List, Stack, Text } from '@mantine/core'
import { IconPlugConnected } from '@tabler/icons-react'
import type { Use } from '../../management/uses.ts'
import type { Called } from '../api/callers.ts'
import { useProject } from '../api/projects.ts'
import { uses as t } from '../texts/uses.ts'
import { CallersList, CallersTable } from './callers.tsx'
import { type Column, DataTable } from './data-table.tsx'
import { EmptyState } from './empty-state.tsx'
import { TextLink } from './link.tsx'
import { Section } from './page.tsx'

/** What refers to a dataset or a model, and who calls that. `next` says how to use it where nothing does. */
export function UsedByTable({ uses, next, called }: { uses: Use[]; next: string; called: Called }) {
  if (uses.length === 0) return <EmptyState icon={IconPlugConnected} title={t.emptyTitle} text={next} />
  return (
    <Stack gap="xl">
      <DataTable label={t.title} columns={COLUMNS} rows={uses} rowKey={keyOf} search={nameOf} />
      <Section title={t.callers} about={t.callersAbout}>
        <CallersTable called={called} />
      </Section>
    </Stack>
  )
}

const keyOf = (use: Use) => (use.in === 'service' ? `${use.asset_id}/${use.endpoint}` : `deployment ${use.deployment}`)
const nameOf = (use: Use) => (use.in === 'service' ? `${use.service}/${use.endpoint}` : use.deployment)

const COLUMNS: Column<Use>[] = [
  { key: 'name', header: t.name, sort: nameOf, cell: use => <Name use={use} /> },
  {
    key: 'what',
    header: t.what,
    sort: use => (use.in === 'service' ? use.title : ''),
    cell: use => (use.in === 'service' ? t.endpointOf(use.kind, use.title) : t.deployment),
  },
  { key: 'status', header: t.status, cell: use => <Status use={use} /> },
]

function Name({ use }: { use: Use }) {
  const { slug } = useProject()
  if (use.in === 'deployment' || !use.draft) return nameOf(use)
  return (
    <TextLink
      to="/projects/$project/services/$service/endpoints/$endpoint"
      params={{ project: slug, service: use.service, endpoint: use.endpoint }}
    >
      {nameOf(use)}
    </TextLink>
  )
}

function Status({ use }: { use: Use }) {
  if (use.in === 'deployment') return <Badge color="teal">{t.served}</Badge>
  if (use.published && use.draft) return <Badge color="teal">{t.published}</Badge>
  return use.published ? <Badge color="yellow">{t.publishedOnly}</Badge> : <Badge color="gray">{t.draftOnly}</Badge>
}

/** For the question before something is deleted: what stands in its way, and what will no longer publish. */
export function WhatBreaks({ uses, called }: { uses: Use[]; called: Called }) {
  const serving = uses.filter(use => use.in === 'deployment' || use.published)
  const drafts = uses.filter(use => use.in === 'service' && !use.published)
  return (
    <Stack gap="xs">
      {serving.length > 0 && <Names text={t.refused} uses={serving} />}
      {serving.length > 0 && <CallersList called={called} />}
      {drafts.length > 0 && <Names text={t.draftsBreak} uses={drafts} />}
      {uses.length === 0 && <Text size="sm">{t.nothingBreaks}</Text>}
    </Stack>
  )
}

const SHOWN = 8

const Names = ({ text, uses }: { text: string; uses: Use[] }) => (
  <div>
    <Text size="sm" mb={4}>
      {text}
    </Text>
    <List size="sm">
      {uses.slice(0, SHOWN).map(use => (
        <List.Item key={keyOf(use)}>{nameOf(use)}</List.Item>
      ))}
      {uses.length > SHOWN && <List.Item>{t.more(uses.length - SHOWN)}</List.Item>}
    </List>
  </div>
)
