import { ActionIcon, Menu } from '@mantine/core'
import { IconDots, IconTrash } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useProject } from '../../api/projects.ts'
import { type EndpointConfig, endpointsOf, useService } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { Consequences } from '../../ui/callers.tsx'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { showDone } from '../../ui/notify.ts'
import { useMenuFocus } from '../../ui/use-menu-focus.ts'
import { useSaveService } from './api.ts'

/** What else can be done with an endpoint of the draft. */
export function EndpointMenu({ endpoint }: { endpoint: EndpointConfig }) {
  const navigate = useNavigate()
  const { slug, project_id } = useProject()
  const { service, etag } = useService()
  const save = useSaveService(service.id)
  const { button, chosen } = useMenuFocus()
  const remove = () =>
    confirmDestructive({
      title: t.removeEndpointTitle(endpoint.id),
      children: (
        <Consequences
          text={t.removeEndpointText}
          called={{ project: project_id, service: service.asset_key, endpoint: endpoint.id }}
        />
      ),
      confirm: t.removeFromDraft,
      onConfirm: async isThere => {
        const endpoints = endpointsOf(service).filter(({ id }) => id !== endpoint.id)
        const change_note = t.noteRemoved(endpoint.id)
        await save.mutateAsync({ config: { ...service.config, endpoints }, change_note, ifMatch: etag })
        showDone(t.removedDone(endpoint.id))
        if (isThere.current)
          await navigate({
            to: '/projects/$project/services/$service',
            params: { project: slug, service: service.asset_key },
            ignoreBlocker: true,
          })
      },
    })
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <ActionIcon ref={button} variant="default" aria-label={t.more}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={chosen(remove)}>
          {t.removeEndpoint}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
