import { useEffect, useRef, useState } from 'react'
import { common } from '../texts/common.ts'
import { showProblem } from './notify.ts'

/** Copies a text when it is asked to; `copied` says for a while that it was. */
export function useCopy(value: string) {
  const [copied, setCopied] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const copy = async () => {
    try {
      await putOnClipboard(value)
    } catch {
      return showProblem(common.notCopied)
    }
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setCopied(false), 2000)
    setCopied(true)
  }
  return { copied, copy }
}

/**
 * Browsers have `navigator.clipboard` over TLS and on localhost only: a server that is reached over plain HTTP by its name
 * copies what is selected. @throws Error it was not copied
 */
async function putOnClipboard(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const before = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.style.position = 'fixed'
  field.style.opacity = '0'
  document.body.append(field)
  field.select()
  const done = document.execCommand('copy')
  field.remove()
  if (before instanceof HTMLElement) before.focus()
  if (!done) throw new Error('the browser does not copy')
}
