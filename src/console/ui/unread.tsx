import { Text } from '@mantine/core'
import { createContext, type ReactNode, useCallback, useContext, useEffect, useId, useState } from 'react'
import { common } from '../texts/common.ts'

/** `isKept`: what is typed stays there though it is not shown; undefined: it can be read */
type Note = (field: string, isKept: boolean | undefined) => void

const NoteContext = createContext<Note>(() => {})

/**
 * For an editor: whether something is typed in one of its fields that cannot be read as a value yet, and so is no part of what is
 * edited: saving would leave it out, leaving would lose it.
 */
export function useUnread() {
  const [fields, setFields] = useState<ReadonlyMap<string, boolean>>(new Map())
  const note = useCallback<Note>((field, isKept) => {
    setFields(before => {
      const after = new Map(before)
      if (isKept === undefined) after.delete(field)
      else after.set(field, isKept)
      return after
    })
  }, [])
  const [round, setRound] = useState(0)
  return {
    unread: fields.size > 0,
    /** where the fields went, something that was typed would go with them */
    stays: [...fields.values()].includes(false),
    note,
    round,
    /** gives up what was typed in the fields: they begin anew with what `change` makes of the values */
    anew: (change: () => void) => {
      change()
      setRound(before => before + 1)
    },
  }
}

/** Around the fields of an editor. */
export const ReadFields = ({ of, children }: { of: ReturnType<typeof useUnread>; children: ReactNode }) => (
  <NoteContext.Provider key={of.round} value={of.note}>
    {children}
  </NoteContext.Provider>
)

/** Says why what is edited cannot be saved yet, where that is so. */
export const UnreadNote = ({ of: { unread } }: { of: ReturnType<typeof useUnread> }) =>
  unread && (
    <Text size="sm" role="status">
      {common.unread}
    </Text>
  )

/** For a field: tells its editor. @param isKept whether it stays there, hidden, while something else is looked at */
export function useNoteUnread(isUnread: boolean, isKept = false): void {
  const field = useId()
  const note = useContext(NoteContext)
  useEffect(() => {
    if (!isUnread) return
    note(field, isKept)
    return () => note(field, undefined)
  }, [isUnread, isKept, field, note])
}
