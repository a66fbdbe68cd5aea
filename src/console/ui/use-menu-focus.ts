import { useRef } from 'react'

/** Of a menu whose items open dialogs: a dialog gives the focus back to what has it then, and the menu will be gone by then. */
export function useMenuFocus() {
  const button = useRef<HTMLButtonElement>(null)
  const chosen = (act: () => void) => () => {
    button.current?.focus()
    act()
  }
  return { button, chosen }
}
