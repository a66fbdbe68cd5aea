import { Button, Group, Modal, Stack, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useEffect } from 'react'
import type { ProjectRow } from '../../api/projects.ts'
import { common } from '../../texts/common.ts'
import { projects as t } from '../../texts/projects.ts'
import { showDone } from '../../ui/notify.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { useChangeProject } from './api.ts'

interface EditProjectProps {
  project: ProjectRow
  opened: boolean
  onClose: () => void
}

export function EditProjectModal({ project, opened, onClose }: EditProjectProps) {
  const form = useForm({ initialValues: { name: project.name, description: project.description } })
  const change = useChangeProject(project.project_id)
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was typed is kept while the dialog is open
  useEffect(() => {
    if (opened) form.setValues({ name: project.name, description: project.description })
  }, [opened])
  const submit = form.onSubmit(values =>
    change.mutate(values, {
      onSuccess: () => {
        onClose()
        showDone(common.saved)
      },
    }),
  )
  return (
    <Modal opened={opened} onClose={onClose} title={t.edit} closeButtonProps={{ 'aria-label': common.close }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput label={t.name} required maxLength={200} data-autofocus {...form.getInputProps('name')} />
          <TextInput label={t.slug} value={project.slug} readOnly description={t.slugFixed} />
          <Textarea label={t.description} maxLength={2000} {...form.getInputProps('description')} />
          <ProblemAlert error={change.error} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {common.cancel}
            </Button>
            <Button type="submit" loading={change.isPending}>
              {common.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
