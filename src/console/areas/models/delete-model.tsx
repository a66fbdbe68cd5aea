import { Button, Group, Stack, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useProject } from '../../api/projects.ts'
import { models as t } from '../../texts/models.ts'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { showDone } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { WhatBreaks } from '../../ui/used-by.tsx'
import { type ModelRow, useDeleteModel } from './api.ts'

/** Deletes every version, or none. */
export function DeleteModel({ model }: { model: ModelRow }) {
  const project = useProject()
  const navigate = useNavigate()
  const remove = useDeleteModel(project.project_id, model.name)
  const ask = () =>
    confirmDestructive({
      title: t.deleteModelTitle(model.name),
      confirm: t.deleteModel,
      word: model.name,
      children: (
        <Stack gap="xs">
          <Text size="sm">{t.deleteModelText(model.versions.length)}</Text>
          <WhatBreaks uses={model.used_by} called={{ project: project.project_id, model: model.name }} />
        </Stack>
      ),
      onConfirm: async isThere => {
        await remove(model.model_id)
        showDone(t.deleted(model.name))
        if (isThere.current) await navigate({ to: '/projects/$project/models', params: { project: project.slug } })
      },
    })
  return (
    <Section title={t.deleteModel} about={t.deleteAbout}>
      <Group>
        <Button color="red" variant="outline" onClick={ask}>
          {t.deleteModel}
        </Button>
      </Group>
    </Section>
  )
}
