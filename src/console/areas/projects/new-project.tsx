import { Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { common } from '../../texts/common.ts'
import { projects as t } from '../../texts/projects.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { showDone } from '../../ui/notify.ts'
import { slugOf } from '../../ui/slug.ts'
import { useAddProject } from './api.ts'

const MOST_OF_A_SLUG = 63

/** A project is opened as soon as it is there. */
export function NewProjectModal({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const form = useForm({ initialValues: { name: '', slug: '', description: '' } })
  const navigate = useNavigate()
  const add = useAddProject()
  const close = () => {
    form.reset()
    add.reset()
    onClose()
  }
  const rename = (name: string) => {
    if (form.values.slug === slugOf(form.values.name, MOST_OF_A_SLUG))
      form.setFieldValue('slug', slugOf(name, MOST_OF_A_SLUG))
    form.setFieldValue('name', name)
  }
  const submit = form.onSubmit(values =>
    add.mutate(values, {
      onSuccess: async project => {
        close()
        showDone(t.createdDone(project.name))
        await navigate({ to: '/projects/$project', params: { project: project.slug } })
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
      error={add.error}
    >
      <TextInput
        label={t.name}
        required
        data-autofocus
        maxLength={200}
        value={form.values.name}
        onChange={event => rename(event.currentTarget.value)}
      />
      <TextInput
        label={t.slug}
        description={t.slugHint}
        required
        maxLength={MOST_OF_A_SLUG}
        spellCheck={false}
        {...form.getInputProps('slug')}
      />
      <Textarea label={t.description} maxLength={2000} {...form.getInputProps('description')} />
    </FormDialog>
  )
}
