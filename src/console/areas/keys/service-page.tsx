import { Group } from '@mantine/core'
import { Outlet, useParams } from '@tanstack/react-router'
import { keys as t } from '../../texts/keys.ts'
import { testPane } from '../../texts/test-pane.ts'
import { TextLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'

/** Stands in for the page of a service. */
export function ServicePage() {
  const { project = '', service = '' } = useParams({ strict: false })
  return (
    <Page title={service}>
      <Group>
        <TextLink to="/projects/$project/services/$service/keys" params={{ project, service }}>
          {t.title}
        </TextLink>
        <TextLink to="/projects/$project/services/$service/test" params={{ project, service }}>
          {testPane.title}
        </TextLink>
      </Group>
      <Outlet />
    </Page>
  )
}
