import { Fieldset, Group, Stack } from '@mantine/core'
import { CatchBoundary } from '@tanstack/react-router'
import { lazy } from 'react'
import { common } from '../../texts/common.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { useFormOrJson } from '../../ui/form-or-json.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { ReadFields, type useUnread } from '../../ui/unread.tsx'
import { type EditorProps, kindOf, placeErrors } from './definition.ts'
import { DefinitionForm } from './definition-form.tsx'

const DefinitionJson = lazy(() => import('./definition-json.tsx'))

interface DefinitionEditorProps extends Omit<EditorProps, 'errors'> {
  name: string
  /** what it was refused for: shown beside its field, or below */
  error: unknown
  readOnly?: boolean
  /** of whoever saves it */
  reading: ReturnType<typeof useUnread>
}

/** A definition as a form of the usual fields, or as JSON of all. */
export function DefinitionEditor({ name, error, readOnly = false, reading, ...props }: DefinitionEditorProps) {
  const { view, viewSwitch, asJson } = useFormOrJson(t.view, reading.stays)
  const errors = placeErrors(error, name, kindOf(props.definition))
  return (
    <Stack gap="md">
      <Group justify="flex-end">{viewSwitch}</Group>
      <ReadFields of={reading}>
        {view === 'form' && (
          <Fieldset variant="unstyled" disabled={readOnly} aria-label={t.settings}>
            <CatchBoundary getResetKey={() => JSON.stringify(props.definition)} errorComponent={UnfitForForm}>
              <DefinitionForm {...props} errors={errors} />
            </CatchBoundary>
          </Fieldset>
        )}
        {asJson(<DefinitionJson {...props} readOnly={readOnly} />, 220)}
      </ReadFields>
      {(view === 'json' || Object.keys(errors).length === 0) && <ProblemAlert error={error} />}
    </Stack>
  )
}

const UnfitForForm = () => <ProblemAlert error={common.unfitForForm} />
