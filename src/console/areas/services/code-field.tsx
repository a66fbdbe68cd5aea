import { Box, Input } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { useEdits } from './fields.tsx'

const CodeEditor = lazy(() => import('./code-editor.tsx'))

interface CodeFieldProps {
  label: string
  description?: string
  error?: string
  language: 'typescript' | 'json'
  value: string
  onChange: (value: string) => void
  /** px */
  minHeight?: number
}

/** The code editor as a field of a form, for those who may change it. */
export function CodeField({ label, description, error, minHeight = 160, ...editor }: CodeFieldProps) {
  const edits = useEdits()
  return (
    <Input.Wrapper
      label={label}
      description={description}
      error={error}
      labelElement="div"
      size="sm"
      errorProps={{ role: 'status' }}
    >
      <Box mt={6} mb={error ? 6 : 0}>
        <Suspense fallback={<Box aria-busy="true" mih={minHeight} />}>
          <CodeEditor label={label} {...editor} minHeight={minHeight} maxHeight={480} readOnly={!edits} />
        </Suspense>
      </Box>
    </Input.Wrapper>
  )
}
