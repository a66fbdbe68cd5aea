import { Textarea } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { common } from '../../texts/common.ts'
import { projects as t } from '../../texts/projects.ts'
import { closing, FormDialog } from '../../ui/form-dialog.tsx'
import { NameFields } from '../../ui/name-fields.tsx'
import { showDone } from '../../ui/notify.ts'
import { useAddProject } from './api.ts'

const MOST_OF_A_SLUG = 63

/** A project is opened as soon as it is there. */
export function NewProjectModal({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const form = useForm({ initialValues: { name: '', slug: '', description: '' } })
  const navigate = useNavigate()
  const add = useAddProject()
  const close = closing(form, add, onClose)
  const submit = form.onSubmit(values =>
    add.mutate(values, {
      onSuccess: async project => {
        close()
        showDone(t.createdDone(project.name))
        await navigate({ to: '/projects/$project', params: { project: project.slug }, ignoreBlocker: true })
      },
    }),
  )
  return (
    <FormDialog
      title={t.newProject}
      opened={opened}
      onClose={close}
      onSubmit={submit}
      submit={common.create}
      busy={add.isPending}
      dirty={form.isDirty()}
      error={add.error}
    >
      <NameFields
        name={form.values.name}
        slug={form.values.slug}
        label={t.name}
        slugLabel={t.slug}
        slugHint={t.slugHint}
        mostOfSlug={MOST_OF_A_SLUG}
        onChange={form.setValues}
      />
      <Textarea label={t.description} maxLength={2000} {...form.getInputProps('description')} />
    </FormDialog>
  )
}
