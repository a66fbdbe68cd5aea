import { Button, Group, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { useProject } from '../../api/projects.ts'
import { common } from '../../texts/common.ts'
import { services as t } from '../../texts/services.ts'
import { showDone } from '../../ui/notify.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { useAddService } from './api.ts'

/** A service is opened as soon as it is there. */
export function NewServiceModal({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const form = useForm({ initialValues: { title: '', asset_key: '', description: '' } })
  const { slug } = useProject()
  const navigate = useNavigate()
  const add = useAddService()
  const close = () => {
    form.reset()
    add.reset()
    onClose()
  }
  const rename = (title: string) => {
    if (form.values.asset_key === keyOf(form.values.title)) form.setFieldValue('asset_key', keyOf(title))
    form.setFieldValue('title', title)
  }
  const submit = form.onSubmit(values =>
    add.mutate(values, {
      onSuccess: async service => {
        close()
        showDone(t.createdDone(service.title))
        await navigate({
          to: '/projects/$project/services/$service',
          params: { project: slug, service: service.asset_key },
        })
      },
    }),
  )
  return (
    <Modal opened={opened} onClose={close} title={t.newService} closeButtonProps={{ 'aria-label': common.close }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm" c="dimmed">
            {t.newServiceAbout}
          </Text>
          <TextInput
            label={t.name}
            required
            data-autofocus
            maxLength={200}
            value={form.values.title}
            onChange={event => rename(event.currentTarget.value)}
          />
          <TextInput
            label={t.key}
            description={t.keyHint}
            required
            maxLength={128}
            spellCheck={false}
            {...form.getInputProps('asset_key')}
          />
          <Textarea label={t.description} maxLength={10_000} {...form.getInputProps('description')} />
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

/** What a title suggests: the rule itself is the server's. */
const keyOf = (title: string): string =>
  title
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 128)
