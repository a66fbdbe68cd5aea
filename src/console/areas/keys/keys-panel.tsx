/** The keys of a service or a project: list, mint, edit, rotate, revoke. */
import { Button, Group, Stack, Switch, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconKey, IconLock, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { servicesQuery } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { weekQuery } from '../../api/usage.ts'
import { keys as t } from '../../texts/keys.ts'
import { DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import {
  type KeyOwner,
  type KeyRow,
  keysQuery,
  type MintedKey,
  useChangeKey,
  useRevoke,
  useSurroundings,
} from './api.ts'
import { askToRevoke } from './ask-to-revoke.tsx'
import { EditDialog } from './edit-dialog.tsx'
import { shownKey, stateOf } from './key-values.ts'
import { keyColumns } from './keys-table.tsx'
import { MintDialog } from './mint-dialog.tsx'
import { MintedKeyBanner } from './minted-key.tsx'
import { RotateDialog } from './rotate-dialog.tsx'

/** @param frame puts what can be done beside the title */
export function KeysPanel({
  owner,
  frame,
}: {
  owner: KeyOwner
  frame: (actions: ReactNode, body: ReactNode) => ReactNode
}) {
  const session = useSession()
  if (!may(session, 'editor', owner.project.slug))
    return frame(null, <EmptyState icon={IconLock} title={t.forEditorsTitle} text={t.forEditors} />)
  // nothing of one project or service is shown in another
  return <Keys key={owner.path} owner={owner} frame={frame} />
}

function Keys({ owner, frame }: Parameters<typeof KeysPanel>[0]) {
  const navigate = useNavigate()
  const { data, error } = useQuery(keysQuery(owner))
  const { data: week } = useQuery(weekQuery(owner.project.project_id, 'key', owner.service?.asset_key))
  const [minting, { open, close }] = useDisclosure()
  const [minted, setMinted] = useState<MintedKey[]>([])
  const addMinted = (key: MintedKey) => setMinted(before => [key, ...before])
  const [editing, setEditing] = useState<number>()
  const [rotating, setRotating] = useState<KeyRow>()
  const [withEnded, setWithEnded] = useState(false)
  const revoke = useRevoke(owner)
  const { mutate: change } = useChangeKey(owner)
  const columns = useMemo(
    () =>
      keyColumns(
        owner.project.slug,
        {
          edit: key => setEditing(key.id),
          showUsage: key =>
            void navigate({
              to: '/projects/$project/usage',
              params: { project: owner.project.slug },
              search: { range: 'week', key: key.id },
            }),
          rotate: setRotating,
          revoke: key => askToRevoke(key, owner, () => revoke(key.id)),
          restore: key =>
            change(
              { id: key.id, input: { is_active: true } },
              {
                onSuccess: restored =>
                  showDone(
                    stateOf(restored) === 'expired' ? t.restoredExpired(restored.name) : t.restored(restored.name),
                  ),
                onError: showProblem,
              },
            ),
        },
        week?.groups,
      ),
    [owner, revoke, change, navigate, week],
  )
  const working = data?.filter(key => stateOf(key) === 'active' || stateOf(key) === 'ending')
  const ended = (data?.length ?? 0) - (working?.length ?? 0)
  const rows = withEnded ? data : working
  const mint = (
    <Button leftSection={<IconPlus size={16} />} onClick={open}>
      {t.mint}
    </Button>
  )
  return frame(
    data && data.length > 0 ? mint : null,
    <Stack gap="md">
      <ProblemAlert error={error} />
      {minted.length > 0 && (
        <Minted
          owner={owner}
          minted={minted}
          onDone={done => setMinted(before => before.filter(key => key !== done))}
        />
      )}
      {data?.length === 0 ? (
        <EmptyState
          icon={IconKey}
          title={t.emptyTitle}
          text={owner.service ? t.emptyService : t.emptyProject}
          action={mint}
        />
      ) : (
        !(error && !data) && (
          <>
            {ended > 0 && (
              <Group justify="flex-end">
                <Switch
                  size="xs"
                  label={t.showEnded}
                  checked={withEnded}
                  onChange={event => setWithEnded(event.currentTarget.checked)}
                />
              </Group>
            )}
            {rows?.length === 0 ? (
              <Text size="sm" c="dimmed">
                {t.allEnded}
              </Text>
            ) : (
              <DataTable label={t.title} columns={columns} rows={rows} rowKey={rowKey} search={searched} />
            )}
          </>
        )
      )}
      <MintDialog owner={owner} opened={minting} onClose={close} onMinted={addMinted} />
      <EditDialog owner={owner} id={editing} onClose={() => setEditing(undefined)} />
      <RotateDialog owner={owner} of={rotating} onClose={() => setRotating(undefined)} onMinted={addMinted} />
    </Stack>,
  )
}

interface MintedProps {
  owner: KeyOwner
  minted: MintedKey[]
  onDone: (key: MintedKey) => void
}

/** Each new key until somebody says that they have copied it. */
function Minted({ owner, minted, onDone }: MintedProps) {
  const { data: all = [] } = useQuery({ ...servicesQuery(owner.project.project_id), enabled: !owner.service })
  const services = owner.service ? [owner.service] : all
  const { around } = useSurroundings(owner.project.project_id, services)
  return (
    <>
      <LeaveGuard when title={t.leaveTitle} text={t.leaveText} />
      {minted.map(key => (
        <MintedKeyBanner key={key.id} minted={key} services={services} around={around} onDone={() => onDone(key)} />
      ))}
    </>
  )
}

const rowKey = (key: KeyRow) => key.id
const searched = (key: KeyRow) =>
  [key.name, shownKey(key), ...(key.allowed_endpoints ?? []), ...(key.allowed_services ?? [])].join(' ')
