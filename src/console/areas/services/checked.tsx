import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext } from 'react'
import { Problem } from '../../api/http.ts'
import { type EndpointConfig, useService } from '../../api/services.ts'
import { type EndpointCheck, endpointCheckQuery } from './api.ts'
import { useEdits } from './fields.tsx'

interface Found {
  /** undefined: nothing is known yet, or it is refused */
  accepted?: EndpointCheck
  refusal?: Problem
  /** the id that it was asked for by */
  endpoint?: string
}

const FoundContext = createContext<Found>({})

const PAUSE_MS = 500

/** Asks as an endpoint is changed whether it could be published; its fields and its preview tell. Rows tell it themselves. */
export function Checked({ endpoint, children }: { endpoint: EndpointConfig; children: ReactNode }) {
  const { service, etag } = useService()
  const edits = useEdits()
  const id = endpoint.id || 'preview'
  const [asked] = useDebouncedValue(JSON.stringify({ ...endpoint, id }), PAUSE_MS)
  const { data, error } = useQuery({
    ...endpointCheckQuery(service.id, etag, asked),
    enabled: edits && isComplete(endpoint),
  })
  return (
    <FoundContext.Provider
      value={{ accepted: data, refusal: error instanceof Problem ? error : undefined, endpoint: id }}
    >
      {children}
    </FoundContext.Provider>
  )
}

const isComplete = (endpoint: EndpointConfig) =>
  endpoint.kind === 'function' ||
  (endpoint.kind === 'model' && (endpoint.model_id !== undefined || (endpoint.model ?? '') !== ''))

export const useCheck = () => useContext(FoundContext)

/** What is refused of one member of the endpoint, in the server's words. */
export function useTrouble(member: string): string | undefined {
  const { refusal, endpoint = '' } = useCheck()
  return refusal && memberOf(refusal, endpoint) === member ? refusal.message : undefined
}

/** The member that a refusal is about: its sentence begins with it, after the endpoint's name. */
function memberOf({ message }: Problem, endpoint: string): string | undefined {
  const text = message.replace(/^service [^:]*: /, '').replace(`endpoint ${endpoint}: `, '')
  if (text.startsWith('the function ')) return 'handler'
  if (text.startsWith('the porter path ') || text.includes(' of its porter route ')) return 'porter.path'
  if (text.startsWith('feature_columns ')) return 'porter.feature_columns'
  return /^(porter\.\w+|\w+)/.exec(text)?.[1]
}
