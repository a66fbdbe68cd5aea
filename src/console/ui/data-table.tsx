import { Button, Group, Skeleton, Stack, Text, TextInput } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconSearch } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, type SyntheticEvent, useMemo, useRef, useState } from 'react'
import { common } from '../texts/common.ts'

export interface Column<Row> {
  key: string
  header: string
  /** beside the header */
  mark?: ReactNode
  cell: (row: Row) => ReactNode
  /** gives the column's header a button that sorts by this */
  sort?: (row: Row) => string | number | boolean | null | undefined
  width?: number | string
  align?: 'end'
}

interface DataTableProps<Row> {
  /** what a screen reader calls the table */
  label: string
  columns: Column<Row>[]
  /** undefined while they are read */
  rows: readonly Row[] | undefined
  /** why they could not be read, which is said elsewhere: nothing is waited for; those that were read before stay */
  error?: unknown
  rowKey: (row: Row, index: number) => string | number
  /** the text of a row that the search looks into; without it there is no search */
  search?: (row: Row) => string
  /** beside the search */
  filters?: ReactNode
  /** px; beyond it the table scrolls in itself */
  maxHeight?: number | string
}

const ROW_HEIGHT = 42
/** of a table that has more, so many are drawn at a time: each row has a cell for each */
const MOST_COLUMNS = 200
/** fewer rows need no search */
const SEARCH_FROM = 8

/** A table whose rows outside of the view are not drawn: ten thousand of them are as quick as ten. */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const {
    label,
    columns: all,
    rows,
    error,
    rowKey,
    search,
    filters,
    maxHeight = 'max(360px, calc(100dvh - 260px))',
  } = props
  const [wanted, setWanted] = useState('')
  const [order, setOrder] = useState<{ key: string; down: boolean }>()
  const [from, setFrom] = useState(0)
  const first = from < all.length ? from : 0
  const columns = all.length > MOST_COLUMNS ? all.slice(first, first + MOST_COLUMNS) : all
  const shown = useMemo(() => arranged(rows ?? [], all, search, wanted, order), [rows, all, search, wanted, order])
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 6,
  })
  const drawn = virtual.getVirtualItems()
  const above = drawn[0]?.start ?? 0
  const below = drawn.length > 0 ? virtual.getTotalSize() - drawn.at(-1)!.end : 0
  // what is searched for stays in sight, however few rows are left
  const searches = search !== undefined && ((rows?.length ?? 0) >= SEARCH_FROM || wanted !== '')

  if (!rows)
    return error ? null : (
      <Stack gap="xs" aria-busy="true" aria-label={`${common.loading}: ${label}`} role="status">
        {Array.from({ length: 5 }, (_, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: they have nothing else
          <Skeleton key={i} height={34} />
        ))}
      </Stack>
    )
  return (
    <Stack gap="xs">
      {(searches || filters) && (
        <Group gap="sm" justify="space-between">
          <Group gap="sm" flex={{ base: '1 1 100%', xs: '0 1 auto' }}>
            {searches && (
              <TextInput
                type="search"
                aria-label={`${common.search}: ${label}`}
                placeholder={common.search}
                leftSection={<IconSearch size={15} />}
                value={wanted}
                onChange={event => setWanted(event.currentTarget.value)}
                w={{ base: '100%', xs: 240 }}
              />
            )}
            {filters}
          </Group>
          <Text size="xs" c="dimmed" className="tabular" role="status">
            {common.rows(shown.length, rows.length)}
          </Text>
        </Group>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      {/* biome-ignore lint/a11y/useSemanticElements: a section would be a landmark beside the one of the same name around it */}
      <div className="data-table" ref={scroller} style={{ maxHeight }} tabIndex={0} role="group" aria-label={label}>
        <table aria-rowcount={shown.length + 1} aria-label={label} onMouseOver={nameWhereCut} onFocus={nameWhereCut}>
          <thead>
            <tr>
              {columns.map(column => (
                <th
                  key={column.key}
                  scope="col"
                  className={column.align}
                  style={{ width: column.width }}
                  aria-sort={order?.key === column.key ? (order.down ? 'descending' : 'ascending') : undefined}
                >
                  {column.sort ? (
                    <button type="button" onClick={() => setOrder(next(order, column.key))}>
                      {column.header}
                      {order?.key === column.key &&
                        (order.down ? <IconArrowDown size={13} /> : <IconArrowUp size={13} />)}
                    </button>
                  ) : (
                    column.header
                  )}
                  {column.mark && <> {column.mark}</>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {above > 0 && <Spacer height={above} columns={columns.length} />}
            {drawn.map(({ index }) => (
              <tr key={rowKey(shown[index]!, index)} aria-rowindex={index + 2}>
                {columns.map(column => (
                  <td key={column.key} className={column.align}>
                    {column.cell(shown[index]!)}
                  </td>
                ))}
              </tr>
            ))}
            {below > 0 && <Spacer height={below} columns={columns.length} />}
            {shown.length === 0 && (
              <tr>
                <td colSpan={columns.length}>
                  <Text size="sm" c="dimmed">
                    {common.nothingFound}
                  </Text>
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
      {all.length > MOST_COLUMNS && (
        <Group gap="sm" justify="space-between">
          <Text size="xs" c="dimmed" className="tabular" role="status">
            {common.columns(first + 1, first + columns.length, all.length)}
          </Text>
          <Group gap="xs">
            <Button
              size="compact-xs"
              variant="default"
              disabled={first === 0}
              onClick={() => setFrom(first - MOST_COLUMNS)}
            >
              {common.columnsBefore}
            </Button>
            <Button
              size="compact-xs"
              variant="default"
              disabled={first + MOST_COLUMNS >= all.length}
              onClick={() => setFrom(first + MOST_COLUMNS)}
            >
              {common.columnsAfter}
            </Button>
          </Group>
        </Group>
      )}
    </Stack>
  )
}

/** What of a cell there is no room for is its title. */
function nameWhereCut({ target }: SyntheticEvent) {
  const cell = (target as Element).closest<HTMLElement>('td, th')
  if (!cell) return
  const isCut = [cell, ...cell.querySelectorAll('*')].some(
    part => part.clientWidth > 0 && part.scrollWidth > part.clientWidth,
  )
  if (isCut && cell.textContent) cell.title = cell.textContent
  else cell.removeAttribute('title')
}

const Spacer = ({ height, columns }: { height: number; columns: number }) => (
  <tr aria-hidden>
    <td className="spacer" colSpan={columns} style={{ height }} />
  </tr>
)

/** ascending, descending, as it came */
const next = (order: { key: string; down: boolean } | undefined, key: string) => {
  if (order?.key !== key) return { key, down: false }
  return order.down ? undefined : { key, down: true }
}

function arranged<Row>(
  rows: readonly Row[],
  columns: Column<Row>[],
  search: ((row: Row) => string) | undefined,
  wanted: string,
  order: { key: string; down: boolean } | undefined,
): readonly Row[] {
  const word = wanted.trim().toLowerCase()
  const found = search && word ? rows.filter(row => search(row).toLowerCase().includes(word)) : rows
  const value = order && columns.find(column => column.key === order.key)?.sort
  if (!value) return found
  const sign = order.down ? -1 : 1
  return [...found].sort((a, b) => compare(value(a), value(b), sign))
}

/** Asking each text for its own comparison takes ten times as long. */
const collator = new Intl.Collator('en', { numeric: true })

/** What is missing comes last, whichever way. */
function compare(a: unknown, b: unknown, sign: 1 | -1): number {
  if (a === b) return 0
  if (a === null || a === undefined) return 1
  if (b === null || b === undefined) return -1
  if (typeof a === 'string' && typeof b === 'string') return sign * collator.compare(a, b)
  return a < b ? -sign : sign
}
