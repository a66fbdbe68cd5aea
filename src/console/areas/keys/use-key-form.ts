import { type UseFormReturnType, useForm } from '@mantine/form'
import { Problem } from '../../api/http.ts'
import { keys as t } from '../../texts/keys.ts'
import { fieldNamedIn, type KeyValues } from './key-values.ts'

export type KeyForm = UseFormReturnType<KeyValues>

export const useKeyForm = (initialValues: KeyValues): KeyForm =>
  useForm<KeyValues>({
    initialValues,
    validate: {
      name: name => (name.trim() ? null : t.nameMissing),
      day: (day, { ends }) => (ends === 'day' && !day ? t.dayMissing : null),
      scope: {
        column: (column, { scope }) => {
          if (!column.trim()) return t.scopeNoColumn
          return scope.filter(row => row.column.trim() === column.trim()).length > 1 ? t.scopeTwice : null
        },
        values: (values, { scope }, path) => {
          const row = scope[Number(path.split('.')[1])]
          return values.length > 0 || row?.orNull ? null : t.scopeNoValues
        },
      },
    },
  })

/** The server's words go beside the field that they are about. @returns whether there is one */
export function placeProblem(form: KeyForm, error: unknown): boolean {
  const field = error instanceof Problem && error.status === 422 ? fieldNamedIn(error.message) : undefined
  if (!field) return false
  form.setFieldError(field, (error as Problem).message)
  return true
}
