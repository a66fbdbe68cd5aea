import { Text, Textarea } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { useProject } from '../../api/projects.ts'
import { common } from '../../texts/common.ts'
import { services as t } from '../../texts/services.ts'
import { closing, FormDialog } from '../../ui/form-dialog.tsx'
import { NameFields } from '../../ui/name-fields.tsx'
import { showDone } from '../../ui/notify.ts'
import { useAddService } from './api.ts'

const MOST_OF_A_KEY = 128

/** A service is opened as soon as it is there. */
export function NewServiceModal({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const form = useForm({ initialValues: { title: '', asset_key: '', description: '' } })
  const { slug } = useProject()
  const navigate = useNavigate()
  const add = useAddService()
  const close = closing(form, add, onClose)
  const submit = form.onSubmit(values =>
    add.mutate(values, {
      onSuccess: async service => {
        close()
        showDone(t.createdDone(service.title))
        await navigate({
          to: '/projects/$project/services/$service',
          params: { project: slug, service: service.asset_key },
          ignoreBlocker: true,
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
      dirty={form.isDirty()}
      error={add.error}
    >
      <Text size="sm" c="dimmed">
        {t.newServiceAbout}
      </Text>
      <NameFields
        name={form.values.title}
        slug={form.values.asset_key}
        label={t.name}
        slugLabel={t.key}
        slugHint={t.keyHint}
        mostOfSlug={MOST_OF_A_KEY}
        onChange={({ name, slug }) => form.setValues({ title: name, asset_key: slug })}
      />
      <Textarea label={t.description} maxLength={10_000} {...form.getInputProps('description')} />
    </FormDialog>
  )
}
