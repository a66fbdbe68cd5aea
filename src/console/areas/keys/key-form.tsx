/** The fields of a key, for minting and editing. */
import {
  Alert,
  Button,
  Fieldset,
  Group,
  NumberInput,
  SegmentedControl,
  Select,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import type { FormEvent, ReactNode } from 'react'
import { common } from '../../texts/common.ts'
import { keys as t } from '../../texts/keys.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { ColumnsInput } from './columns-input.tsx'
import type { KeyChoices } from './key-choices.ts'
import type { KeyValues } from './key-values.ts'
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

export function KeyFields({ form, choices, error, busy, submitText, onSubmit, onCancel, notice }: KeyFieldsProps) {
  const { masking, sensitivity, ends } = form.values
  const seesRaw = masking === 'unmasked' && (sensitivity === 'high' || sensitivity === 'critical')
  const submit = (event: FormEvent<HTMLFormElement>) => form.onSubmit(onSubmit)(event)
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="lg">
        <TextInput
          label={t.name}
          description={t.nameHint}
          required
          maxLength={200}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <ReachFields form={form} choices={choices} />
        <Fieldset legend={t.seesTitle}>
          <Stack gap="md">
            <Group grow align="flex-start" className="form-pair">
              <Stack gap={4}>
                <Text size="sm" fw={500} id="masking">
                  {t.masking}
                </Text>
                <Text size="xs" c="dimmed">
                  {t.maskingHint}
                </Text>
                <SegmentedControl
                  aria-labelledby="masking"
                  data={[
                    { value: 'masked', label: t.masked },
                    { value: 'unmasked', label: t.unmasked },
                  ]}
                  {...form.getInputProps('masking')}
                />
              </Stack>
              <Select
                label={t.sensitivity}
                description={t.sensitivityHint}
                data={Object.entries(t.sensitivities).map(([value, label]) => ({ value, label }))}
                {...form.getInputProps('sensitivity')}
              />
            </Group>
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
            <ScopeEditor form={form} columns={choices.columns} />
          </Stack>
        </Fieldset>
        <Fieldset legend={t.limits}>
          <Group grow align="flex-start" className="form-pair">
            <NumberInput
              label={t.rate}
              description={t.rateHint}
              min={1}
              max={10_000_000}
              allowDecimal={false}
              thousandSeparator=","
              {...form.getInputProps('rate')}
              onChange={value => form.setFieldValue('rate', typeof value === 'number' ? value : '')}
            />
            <Stack gap="xs">
              <Select
                label={t.ends}
                description={ends === 'day' ? t.dayHint : ' '}
                data={Object.entries(t.endsChoices).map(([value, label]) => ({ value, label }))}
                {...form.getInputProps('ends')}
              />
              {ends === 'day' && <TextInput type="date" label={t.day} required {...form.getInputProps('day')} />}
            </Stack>
          </Group>
        </Fieldset>
        {notice}
        <ProblemAlert error={error} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onCancel}>
            {common.cancel}
          </Button>
          <Button type="submit" loading={busy}>
            {submitText}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
