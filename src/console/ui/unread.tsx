import { createContext, type ReactNode, useCallback, useContext, useEffect, useId, useState } from 'react'

type Note = (field: string, isUnread: boolean) => void

const NoteContext = createContext<Note>(() => {})

/**
 * For an editor: whether something is typed in one of its fields that cannot be read as a value yet, and so is no part of what is
 * edited: saving would leave it out, leaving would lose it.
 */
export function useUnread() {
  const [fields, setFields] = useState<ReadonlySet<string>>(new Set())
  const note = useCallback<Note>((field, isUnread) => {
    setFields(before => {
      const after = new Set(before)
      if (isUnread) after.add(field)
      else after.delete(field)
      return after
    })
  }, [])
  const [round, setRound] = useState(0)
  return {
    unread: fields.size > 0,
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

/** For a field: tells its editor. */
export function useNoteUnread(isUnread: boolean): void {
  const field = useId()
  const note = useContext(NoteContext)
  useEffect(() => {
    if (!isUnread) return
    note(field, true)
    return () => note(field, false)
  }, [isUnread, field, note])
}
