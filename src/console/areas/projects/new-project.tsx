import { Button, Group, Modal, Stack, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { common } from '../../texts/common.ts'
import { projects as t } from '../../texts/projects.ts'
import { showDone } from '../../ui/notify.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { useAddProject } from './api.ts'

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
    if (form.values.slug === slugOf(form.values.name)) form.setFieldValue('slug', slugOf(name))
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
    <Modal opened={opened} onClose={close} title={t.newProject} closeButtonProps={{ 'aria-label': common.close }}>
      <form onSubmit={submit}>
        <Stack gap="md">
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
            maxLength={63}
            spellCheck={false}
            {...form.getInputProps('slug')}
          />
          <Textarea label={t.description} maxLength={2000} {...form.getInputProps('description')} />
          <ProblemAlert error={add.error} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              {common.cancel}
            </Button>
            <Button type="submit" loading={add.isPending}>
              {common.create}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** What a name suggests: the rule itself is the server's. */
const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63)
