import { Box, SegmentedControl } from '@mantine/core'
import { type ReactNode, Suspense, useState } from 'react'
import { common } from '../texts/common.ts'

type View = 'form' | 'json'

interface ViewSwitchProps {
  /** what a screen reader calls it */
  label: string
  view: View
  onChange: (view: View) => void
  /** whether the form has something that JSON would not have, and so is not left */
  stays?: boolean
}

/** Chooses whether something is shown as a form or as JSON. */
export const ViewSwitch = ({ label, view, onChange, stays = false }: ViewSwitchProps) => (
  <SegmentedControl
    size="xs"
    aria-label={label}
    data={[
      { value: 'form', label: common.form },
      { value: 'json', label: common.json, disabled: stays && view === 'form' },
    ]}
    value={view}
    onChange={chosen => onChange(chosen as View)}
  />
)

/**
 * Something as a form of the usual fields, or as JSON of all, which is loaded when it is first looked at.
 * @param stays whether something in the form cannot be read yet: JSON would be without it
 */
export function useFormOrJson(label: string, stays: boolean) {
  const [view, setView] = useState<View>('form')
  const [opened, setOpened] = useState(false)
  const choose = (chosen: View) => {
    setView(chosen)
    if (chosen === 'json') setOpened(true)
  }
  return {
    view,
    viewSwitch: <ViewSwitch label={label} view={view} onChange={choose} stays={stays} />,
    /** @param minHeight px, until it is loaded */
    asJson: (editor: ReactNode, minHeight: number) =>
      opened && (
        // what is no valid JSON yet stays there while the form is looked at
        <Box hidden={view !== 'json'}>
          <Suspense fallback={<Box aria-busy="true" mih={minHeight} />}>{editor}</Suspense>
        </Box>
      ),
  }
}
