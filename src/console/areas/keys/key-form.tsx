/** The fields of a key, for minting and editing. */
import {
  Alert,
  Fieldset,
  Input,
  NumberInput,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  TextInput,
} from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import type { FormEvent, ReactNode } from 'react'
import { keys as t } from '../../texts/keys.ts'
import { FormActions } from '../../ui/form-actions.tsx'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { useFirstFocus } from '../../ui/use-first-focus.ts'
import { ColumnsInput } from './columns-input.tsx'
import type { KeyChoices } from './key-choices.ts'
import { endOf, type KeyValues } from './key-values.ts'
import { ReachFields } from './reach-fields.tsx'
import { ScopeEditor } from './scope-editor.tsx'
import type { KeyForm } from './use-key-form.ts'

interface KeyFieldsProps {
  form: KeyForm
  choices: KeyChoices
  error: unknown
  busy: boolean
  submitText: string
  onSubmit: (values: KeyValues) => void
  onCancel: () => void
  /** above the buttons */
  notice?: ReactNode
}

const instant = new Intl.DateTimeFormat('en', {
  ...{ year: 'numeric', month: 'short', day: 'numeric' },
  ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' },
})

/** The end of a day in UTC is another time elsewhere, and a key that was not made here ends at any time of its day. */
function untilText(values: KeyValues): string {
  const end = Date.parse(endOf(values))
  return Number.isNaN(end) ? t.dayHint : `${t.worksUntil(instant.format(end))} ${t.dayHint}`
}

export function KeyFields({ form, choices, error, busy, submitText, onSubmit, onCancel, notice }: KeyFieldsProps) {
  const { masking, sensitivity, ends } = form.values
  const name = useFirstFocus()
  const seesRaw = masking === 'unmasked' && (sensitivity === 'high' || sensitivity === 'critical')
  const submit = (event: FormEvent<HTMLFormElement>) => form.onSubmit(onSubmit)(event)
  return (
    <form onSubmit={submit} noValidate>
      <LeaveGuard when={form.isDirty()} />
      <Stack gap="lg">
        <TextInput
          label={t.name}
          description={t.nameHint}
          required
          maxLength={200}
          ref={name}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <ReachFields form={form} choices={choices} />
        <Fieldset legend={t.seesTitle}>
          <Stack gap="md">
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              <Input.Wrapper label={t.masking} labelElement="div" description={t.maskingHint}>
                <SegmentedControl
                  aria-label={t.masking}
                  fullWidth
                  mt={4}
                  data={[
                    { value: 'masked', label: t.masked },
                    { value: 'unmasked', label: t.unmasked },
                  ]}
                  {...form.getInputProps('masking')}
                />
              </Input.Wrapper>
              <Select
                label={t.sensitivity}
                description={t.sensitivityHint}
                data={Object.entries(t.sensitivities).map(([value, label]) => ({ value, label }))}
                {...form.getInputProps('sensitivity')}
              />
            </SimpleGrid>
            {seesRaw && (
              <Alert color="yellow" icon={<IconAlertTriangle size={18} />}>
                {t.rawWarning}
              </Alert>
            )}
            <ColumnsInput
              columns={choices.columns}
              value={form.values.columns}
              onChange={columns => form.setFieldValue('columns', columns)}
              error={form.errors.columns}
            />
            <ScopeEditor form={form} columns={choices.scopable} />
          </Stack>
        </Fieldset>
        <Fieldset legend={t.limits}>
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <NumberInput
              label={t.rate}
              description={t.rateHint}
              min={1}
              max={1_000_000_000}
              allowDecimal={false}
              thousandSeparator=","
              {...form.getInputProps('rate')}
              onChange={value => form.setFieldValue('rate', typeof value === 'number' ? value : '')}
            />
            <Stack gap="xs">
              <Select
                label={t.ends}
                description={t.endsHint}
                data={Object.entries(t.endsChoices).map(([value, label]) => ({ value, label }))}
                {...form.getInputProps('ends')}
              />
              {ends === 'day' && (
                <TextInput
                  type="date"
                  label={t.day}
                  description={untilText(form.values)}
                  required
                  {...form.getInputProps('day')}
                />
              )}
            </Stack>
          </SimpleGrid>
        </Fieldset>
        {notice}
        <ProblemAlert error={error} />
        <FormActions onCancel={onCancel} submit={submitText} busy={busy} />
      </Stack>
    </form>
  )
}
