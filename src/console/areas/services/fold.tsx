import { type ReactNode, useState } from 'react'

interface FoldProps {
  title: string
  /** whether there is something in it, which is then seen from the start */
  filled: boolean
  children: ReactNode
}

/** What few need, out of the way until it is opened; what was typed in it stays when it is closed again. */
export function Fold({ title, filled, children }: FoldProps) {
  const [opened, setOpened] = useState(filled)
  const [wasOpened, setWasOpened] = useState(filled)
  const toggle = (isOpen: boolean) => {
    setOpened(isOpen)
    if (isOpen) setWasOpened(true)
  }
  return (
    <details className="fold" open={opened} onToggle={event => toggle(event.currentTarget.open)}>
      <summary>{title}</summary>
      {wasOpened && <div>{children}</div>}
    </details>
  )
}
