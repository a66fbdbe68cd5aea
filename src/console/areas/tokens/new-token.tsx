import { Button, Group, Modal, NativeSelect, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { common } from '../../texts/common.ts'
import { tokens as t } from '../../texts/tokens.ts'
import { CodeSample } from '../../ui/code-sample.tsx'
import { CopyOnce } from '../../ui/copy.tsx'
import { fieldErrors } from '../../ui/field-errors.ts'
import { FormActions } from '../../ui/form-actions.tsx'
import { closingUnless } from '../../ui/form-dialog.tsx'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { useMintToken } from './api.ts'

const LIFETIMES = (['7', '30', '90', '365', '0'] as const).map(value => ({ value, label: t.days[value] }))

/** First what it is to be; then, this once, the token itself, which nothing but its buttons takes away unasked. */
export function NewTokenModal({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const form = useForm({
    initialValues: { name: '', days: '90' },
    validate: { name: name => (name.trim() ? null : t.nameMissing) },
  })
  const mint = useMintToken()
  const close = () => {
    form.reset()
    mint.reset()
    onClose()
  }
  const submit = form.onSubmit(({ name, days }) =>
    mint.mutate(
      { name: name.trim(), expires_days: Number(days) },
      { onError: error => form.setErrors(fieldErrors(error, ['name'])) },
    ),
  )
  return (
    <Modal
      opened={opened}
      onClose={closingUnless(mint.isPending, close)}
      title={t.newToken}
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={!mint.data}
      closeButtonProps={{ 'aria-label': common.close }}
    >
      {mint.data ? (
        <Stack gap="md">
          <LeaveGuard when title={t.leaveTitle} text={t.leaveText} />
          <CopyOnce label={t.createdLabel(mint.data.name)} secret={mint.data.token} />
          <CodeSample
            label={t.tryIt}
            samples={[
              {
                language: 'curl',
                code: `curl -s ${location.origin}/api/auth/me -H 'Authorization: Bearer ${mint.data.token}'`,
              },
            ]}
          />
          <Group justify="flex-end">
            <Button onClick={close}>{common.done}</Button>
          </Group>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <LeaveGuard when={form.isDirty()} />
          <Stack gap="md">
            <TextInput
              label={t.name}
              description={t.nameHint}
              required
              data-autofocus
              maxLength={200}
              {...form.getInputProps('name')}
            />
            <NativeSelect label={t.lifetime} data={LIFETIMES} {...form.getInputProps('days')} />
            <ProblemAlert error={form.errors.name ? null : mint.error} />
            <FormActions onCancel={close} submit={common.create} busy={mint.isPending} />
          </Stack>
        </form>
      )}
    </Modal>
  )
}
