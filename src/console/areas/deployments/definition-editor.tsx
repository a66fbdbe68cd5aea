import { Box, Group, SegmentedControl, Stack } from '@mantine/core'
import { CatchBoundary } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { deployments as t } from '../../texts/deployments.ts'
import { services } from '../../texts/services.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { type EditorProps, kindOf, placeErrors } from './definition.ts'
import { DefinitionForm } from './definition-form.tsx'

const DefinitionJson = lazy(() => import('./definition-json.tsx'))

interface DefinitionEditorProps extends Omit<EditorProps, 'errors'> {
  name: string
  /** what it was refused for: shown beside its field, or below */
  error: unknown
  readOnly?: boolean
}

/** A definition as a form of the usual fields, or as JSON of all. */
export function DefinitionEditor({ name, error, readOnly = false, ...props }: DefinitionEditorProps) {
  const [view, setView] = useState('form')
  const [jsonOpened, setJsonOpened] = useState(false)
  const errors = placeErrors(error, name, kindOf(props.definition))
  const choose = (chosen: string) => {
    setView(chosen)
    if (chosen === 'json') setJsonOpened(true)
  }
  return (
    <Stack gap="md">
      <Group justify="flex-end">
        <SegmentedControl
          size="xs"
          aria-label={t.view}
          data={[
            { value: 'form', label: t.form },
            { value: 'json', label: t.json },
          ]}
          value={view}
          onChange={choose}
        />
      </Group>
      {view === 'form' && (
        <CatchBoundary getResetKey={() => JSON.stringify(props.definition)} errorComponent={UnfitForForm}>
          <DefinitionForm {...props} errors={errors} />
        </CatchBoundary>
      )}
      {jsonOpened && (
        // what is no valid JSON yet stays there while the form is looked at
        <Box hidden={view !== 'json'}>
          <Suspense fallback={<Box aria-busy="true" mih={220} />}>
            <DefinitionJson {...props} readOnly={readOnly} />
          </Suspense>
        </Box>
      )}
      {(view === 'json' || Object.keys(errors).length === 0) && <ProblemAlert error={error} />}
    </Stack>
  )
}

const UnfitForForm = () => <ProblemAlert error={services.unfitForForm} />
