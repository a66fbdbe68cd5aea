import { Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useEffect } from 'react'
import type { ProjectRow } from '../../api/projects.ts'
import { common } from '../../texts/common.ts'
import { projects as t } from '../../texts/projects.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { showDone } from '../../ui/notify.ts'
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
    if (!opened) return
    form.setValues({ name: project.name, description: project.description })
    change.reset()
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
    <FormDialog
      title={t.edit}
      opened={opened}
      onClose={onClose}
      onSubmit={submit}
      submit={common.save}
      busy={change.isPending}
      error={change.error}
    >
      <TextInput label={t.name} required maxLength={200} data-autofocus {...form.getInputProps('name')} />
      <TextInput label={t.slug} value={project.slug} readOnly description={t.slugFixed} />
      <Textarea label={t.description} maxLength={2000} {...form.getInputProps('description')} />
    </FormDialog>
  )
}
