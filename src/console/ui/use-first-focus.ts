import { useEffect, useRef } from 'react'

/**
 * Of the first field in a dialog whose form may be there late, as what it begins with is read. `autoFocus` would be earlier than
 * the dialog, which notes where the focus was, to give it back there.
 */
export function useFirstFocus() {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const later = setTimeout(() => field.current?.focus())
    return () => clearTimeout(later)
  }, [])
  return field
}
