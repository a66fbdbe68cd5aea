import { TextInput, type TextInputProps } from '@mantine/core'
import { auth as t } from '../../texts/auth.ts'

/** Of whoever signs in: browsers fill it in, and change nothing of what is typed. */
export const UsernameInput = (props: TextInputProps) => (
  <TextInput label={t.username} autoComplete="username" autoCapitalize="none" spellCheck={false} required {...props} />
)
