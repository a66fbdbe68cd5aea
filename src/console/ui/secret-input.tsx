import { PasswordInput, type PasswordInputProps } from '@mantine/core'
import { common } from '../texts/common.ts'

/** Hides what is typed, with a button that shows it: by keyboard too, and named for its field, as a page may have two. */
export const SecretInput = (props: PasswordInputProps & { label?: string }) => (
  <PasswordInput
    visibilityToggleFocusable
    visibilityToggleButtonProps={{ 'aria-label': common.showOf(props.label ?? props['aria-label'] ?? '') }}
    {...props}
  />
)
