import { Button, Code, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus, IconTerminal2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { common } from '../../texts/common.ts'
import { tokens as t } from '../../texts/tokens.ts'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { showDone } from '../../ui/notify.ts'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type TokenRow, tokensQuery, useRevokeToken } from './api.ts'
import { NewTokenModal } from './new-token.tsx'

export function TokensPage() {
  const { data, error } = useQuery(tokensQuery)
  const [adding, { open, close }] = useDisclosure()
  const columns = useColumns()
  const add = (
    <Button leftSection={<IconPlus size={16} />} onClick={open}>
      {t.newToken}
    </Button>
  )
  return (
    <Page title={t.title} about={t.about} actions={data && data.length > 0 ? add : undefined}>
      <ProblemAlert error={error} />
      {data?.length === 0 ? (
        <EmptyState icon={IconTerminal2} title={t.emptyTitle} text={t.emptyText} action={add} />
      ) : (
        <DataTable label={t.title} columns={columns} rows={data} error={error} rowKey={rowKey} search={searched} />
      )}
      <NewTokenModal opened={adding} onClose={close} />
    </Page>
  )
}

const rowKey = (token: TokenRow) => token.id
const searched = (token: TokenRow) => token.name

function useColumns(): Column<TokenRow>[] {
  const revoke = useRevokeToken()
  const askToRevoke = ({ id, name, last_used_at }: TokenRow) =>
    confirmDestructive({
      title: t.revokeTitle(name),
      children: (
        <Text size="sm">
          {t.revokeText} {t.lastUsedSentence} <RelativeTime at={last_used_at} />.
        </Text>
      ),
      confirm: t.revoke,
      onConfirm: async () => {
        await revoke.mutateAsync(id)
        showDone(t.revokedDone(name))
      },
    })
  return [
    { key: 'name', header: t.name, sort: token => token.name, cell: token => token.name },
    {
      key: 'token',
      header: t.token,
      cell: ({ prefix, last4 }) => (
        <Code>
          {prefix}…{last4}
        </Code>
      ),
    },
    {
      key: 'created',
      header: t.created,
      sort: token => token.created_at,
      cell: token => <RelativeTime at={token.created_at} />,
    },
    {
      key: 'expires',
      header: t.expires,
      sort: token => token.expires_at,
      cell: token => <RelativeTime at={token.expires_at} />,
    },
    {
      key: 'used',
      header: t.lastUsed,
      sort: token => token.last_used_at,
      cell: token => <RelativeTime at={token.last_used_at} none={common.never} />,
    },
    {
      key: 'revoke',
      header: '',
      align: 'end',
      cell: token => (
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => askToRevoke(token)}
          aria-label={t.revokeOne(token.name)}
        >
          {t.revoke}
        </Button>
      ),
    },
  ]
}
