import { Text, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { useProject } from '../../api/projects.ts'
import { common } from '../../texts/common.ts'
import { services as t } from '../../texts/services.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { showDone } from '../../ui/notify.ts'
import { slugOf } from '../../ui/slug.ts'
import { useAddService } from './api.ts'

const MOST_OF_A_KEY = 128

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
    if (form.values.asset_key === slugOf(form.values.title, MOST_OF_A_KEY))
      form.setFieldValue('asset_key', slugOf(title, MOST_OF_A_KEY))
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
    <FormDialog
      title={t.newService}
      opened={opened}
      onClose={close}
      onSubmit={submit}
      submit={common.create}
      busy={add.isPending}
      error={add.error}
    >
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
        maxLength={MOST_OF_A_KEY}
        spellCheck={false}
        {...form.getInputProps('asset_key')}
      />
      <Textarea label={t.description} maxLength={10_000} {...form.getInputProps('description')} />
    </FormDialog>
  )
}
