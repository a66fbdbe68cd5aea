import { type ReactNode, useState } from 'react'

interface FoldProps {
  title: string
  /** whether there is something in it, which is then seen from the start */
  filled: boolean
  children: ReactNode
}

/** What few need, out of the way until it is opened. */
export function Fold({ title, filled, children }: FoldProps) {
  const [opened, setOpened] = useState(filled)
  return (
    <details className="fold" open={opened} onToggle={event => setOpened(event.currentTarget.open)}>
      <summary>{title}</summary>
      {opened && <div>{children}</div>}
    </details>
  )
}
