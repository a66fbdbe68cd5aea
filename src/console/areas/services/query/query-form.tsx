import { Group, MultiSelect, Stack, Switch } from '@mantine/core'
import type { SqlEndpoint } from '../../../../catalog/service-config.ts'
import { query as q, services as t } from '../../../texts/services.ts'
import { DatasetSelect, useDatasets } from '../dataset-select.tsx'
import { type FormProps, having, NumberField, TextField, unlessEmpty, withKnown } from '../fields.tsx'
import { Part } from '../part.tsx'
import { PagingFields } from '../table-form.tsx'
import { ColumnList } from './column-list.tsx'
import { FilterList } from './filter-list.tsx'
import { JoinList } from './join-list.tsx'
import { OrderList } from './order-list.tsx'
import { aggregatesOf, answerName, nameOf, partsOf, type QueryDefinition, tablesOf } from './tables.ts'

/** A query as a form: everything that a definition can say. */
export default function QueryForm({ endpoint, onChange }: FormProps<SqlEndpoint>) {
  const { query } = endpoint
  const datasets = useDatasets() ?? []
  const tables = tablesOf(query, datasets)
  const columns = tables.flatMap(table => table.columns.map(({ name }) => name))
  const aggregates = aggregatesOf(query)
  const set = (change: Partial<QueryDefinition>) => onChange({ ...endpoint, query: having(query, change) })
  /** A group has no one value of other columns, which are all where none is listed: what it is grouped by is, until more is. */
  const group = (chosen: string[]) => {
    const isNoMore = !query.columns || query.columns.join() === query.group_by?.join()
    set({ group_by: unlessEmpty(chosen), columns: (isNoMore && unlessEmpty(chosen)) || query.columns })
  }
  const page = (change: NonNullable<QueryDefinition['pagination']>) => {
    const pagination = having(query.pagination ?? {}, change)
    set({ pagination: Object.keys(pagination).length > 0 ? pagination : undefined })
  }
  return (
    <Stack gap="xl">
      <Part title={q.source}>
        <Group gap="sm" align="flex-start">
          <DatasetSelect
            label={q.from}
            value={nameOf(query.source)}
            onChange={name => set({ source: partsOf(name) })}
            w={260}
          />
          <TextField
            label={q.alias}
            placeholder={q.aliasHint}
            value={query.source.as}
            onChange={as => set({ source: having(query.source, { as }) })}
            w={140}
          />
        </Group>
      </Part>
      <JoinList query={query} tables={tables} onChange={joins => set({ joins: unlessEmpty(joins) })} />
      <ColumnList query={query} tables={tables} onChange={chosen => set({ columns: unlessEmpty(chosen) })}>
        <Switch
          label={q.distinct}
          checked={query.distinct ?? false}
          onChange={event => set({ distinct: event.currentTarget.checked || undefined })}
        />
      </ColumnList>
      <Part title={q.filters} about={q.filtersAbout}>
        <FilterList
          filters={query.filters ?? []}
          tables={tables}
          label={q.filter}
          add={q.addFilter}
          onChange={filters => set({ filters: unlessEmpty(filters) })}
        />
      </Part>
      <Part title={q.groupBy} about={q.groupByAbout}>
        <MultiSelect
          aria-label={q.groupBy}
          data={withKnown(columns, ...(query.group_by ?? []))}
          value={query.group_by ?? []}
          onChange={group}
          searchable
          clearable
        />
      </Part>
      {(aggregates.length > 0 || query.having) && (
        <Part title={q.having} about={q.havingAbout}>
          <FilterList
            filters={query.having ?? []}
            tables={[]}
            names={aggregates}
            label={q.havingOf}
            add={q.addHaving}
            onChange={filters => set({ having: unlessEmpty(filters) })}
          />
        </Part>
      )}
      <OrderList
        query={query}
        tables={tables}
        names={(query.columns ?? []).map(answerName)}
        onChange={order => set({ order_by: unlessEmpty(order) })}
      />
      <Part title={q.paging}>
        <PagingFields pagination={query.pagination} onChange={page} />
        <NumberField
          label={t.cacheSeconds}
          description={t.cacheHint}
          value={query.cache?.ttl_seconds}
          onChange={seconds => set({ cache: seconds === undefined ? undefined : { ttl_seconds: seconds } })}
          min={0}
          max={86_400}
          w={260}
        />
      </Part>
    </Stack>
  )
}
