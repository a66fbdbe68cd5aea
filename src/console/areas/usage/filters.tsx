import { Button, Group, Select } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useProject } from '../../api/projects.ts'
import { endpointsOf, servicesQuery } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { usage as t } from '../../texts/usage.ts'
import { keyName } from '../../ui/usage-names.ts'
import { deploymentsQuery } from '../deployments/api.ts'
import { isFiltered, keysSeenQuery, unusedKeysQuery } from './api.ts'
import type { UsageSearch } from './search.ts'

interface FiltersProps {
  search: UsageSearch
  onChange: (next: UsageSearch) => void
}

interface Choice {
  value: string
  label: string
}

/** By what is called, by whom, and by how it ended. What the URL names can be chosen though it is there no longer. */
export function Filters({ search, onChange }: FiltersProps) {
  const { project_id } = useProject()
  const { data: services = [] } = useQuery(servicesQuery(project_id))
  const { data: deployments } = useQuery({ ...deploymentsQuery(project_id), refetchInterval: false })
  const keys = useKeys(search)
  const { range, from, to, service, endpoint, deployment, key, status } = search
  const endpoints = services.filter(({ asset_key }) => asset_key === service).flatMap(endpointsOf)
  const place =
    service !== undefined ? `service ${service}` : deployment !== undefined ? `deployment ${deployment}` : null
  const choosePlace = (value: string | null) => {
    const [kind, name] = value?.split(' ') ?? []
    const { service: _service, endpoint: _endpoint, deployment: _deployment, ...others } = search
    onChange(kind === undefined ? others : { ...others, [kind]: name })
  }
  const set = (name: 'endpoint' | 'key' | 'status') => (value: string | null) => {
    const { [name]: _before, ...others } = search
    onChange(
      value === null
        ? others
        : { ...others, [name]: /^\d+$/.test(value) && name !== 'endpoint' ? Number(value) : value },
    )
  }
  return (
    <Group gap="xs" component="section" aria-label={t.filters}>
      <Select
        {...LOOK}
        aria-label={t.service}
        placeholder={t.service}
        data={[
          {
            group: t.services,
            items: withChosen(
              services.map(({ asset_key, title }) => ({ value: `service ${asset_key}`, label: title || asset_key })),
              service && { value: `service ${service}`, label: service },
            ),
          },
          {
            group: t.deployments,
            items: withChosen(
              (deployments?.items ?? []).map(({ name }) => ({ value: `deployment ${name}`, label: name })),
              deployment && { value: `deployment ${deployment}`, label: deployment },
            ),
          },
        ]}
        value={place}
        onChange={choosePlace}
      />
      {service !== undefined && (
        <Select
          {...LOOK}
          aria-label={t.endpoint}
          placeholder={t.endpoint}
          data={withChosen(
            endpoints.map(({ id }) => ({ value: id, label: id })),
            endpoint && { value: endpoint, label: endpoint },
          )}
          value={endpoint ?? null}
          onChange={set('endpoint')}
        />
      )}
      <Select
        {...LOOK}
        aria-label={t.key}
        placeholder={t.key}
        data={withChosen(keys, key !== undefined && { value: String(key), label: nameOf(key) })}
        value={key === undefined ? null : String(key)}
        onChange={set('key')}
      />
      <Select
        {...LOOK}
        aria-label={t.status}
        placeholder={t.status}
        data={withChosen(
          Object.entries(t.statuses).map(([value, label]) => ({ value, label })),
          status !== undefined && { value: String(status), label: String(status) },
        )}
        value={status === undefined ? null : String(status)}
        onChange={set('status')}
      />
      {isFiltered(search) && (
        <Button
          size="xs"
          variant="subtle"
          leftSection={<IconX size={14} />}
          onClick={() => onChange({ range, from, to })}
        >
          {t.clear}
        </Button>
      )}
    </Group>
  )
}

const LOOK = { size: 'xs', w: { base: 'calc(50% - 5px)', xs: 190 }, clearable: true, searchable: true } as const

const nameOf = (key: number | string) => (typeof key === 'number' ? t.keyOf(key) : keyName({ key_id: null, key }))

const withChosen = (choices: Choice[], chosen: Choice | false | '' | undefined): Choice[] =>
  !chosen || choices.some(({ value }) => value === chosen.value) ? choices : [...choices, chosen]

/** Those that called anything in this time; for editors also those that did not. */
function useKeys({ range, from, to }: UsageSearch): Choice[] {
  const session = useSession()
  const { project_id, slug } = useProject()
  const time = { range, from, to }
  const { data: seen = [] } = useQuery({ ...keysSeenQuery(project_id, time), placeholderData: keepPreviousData })
  const edits = may(session, 'editor', slug)
  const { data: unused } = useQuery({
    ...unusedKeysQuery(project_id, time),
    enabled: edits,
    placeholderData: keepPreviousData,
  })
  // the two are not read at the same moment: a key that is used for the first time between them is in both
  const names = new Map(unused?.keys.map(({ key_id, key }) => [String(key_id), key]))
  for (const group of seen) names.set(String(group.key_id ?? group.key), keyName(group))
  return [...names].map(([value, label]) => ({ value, label })).sort((a, b) => a.label.localeCompare(b.label))
}
