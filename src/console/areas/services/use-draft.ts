import { useRef, useState } from 'react'
import { type EndpointConfig, endpointsOf, type Service, useService } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { useSaveService } from './api.ts'

export interface Conflict {
  service: Service
  /** the endpoint as it is there now; undefined: it was removed, or never was */
  theirs: EndpointConfig | undefined
  /** whether this endpoint was changed there, and not another part of the service only */
  here: boolean
}

const text = (value: unknown) => JSON.stringify(value)

/**
 * An endpoint of the draft while it is edited. What was read when editing began is what a save must find unchanged; where
 * nothing was typed yet, a newer version takes its place.
 * @param id of the endpoint in the draft; undefined: it is a new one, which begins as `fresh`
 */
export function useDraft(id: string | undefined, fresh: EndpointConfig) {
  const { service, etag } = useService()
  const save = useSaveService(service.id)
  /** by which the draft has it */
  const [name, setName] = useState(id)
  const stored = name === undefined ? undefined : endpointsOf(service).find(endpoint => endpoint.id === name)
  const [base, setBase] = useState({ endpoint: stored ?? fresh, config: service.config, etag })
  const [draft, setDraft] = useState(base.endpoint)
  const dirty = text(draft) !== text(base.endpoint)
  const latest = useRef(draft)
  latest.current = draft

  const isNewer = etag !== base.etag
  const isSaved = stored !== undefined && text(stored) === text(draft)
  if (isNewer && (isSaved || !dirty || text(service.config) === text(base.config))) {
    setBase({ endpoint: stored ?? base.endpoint, config: service.config, etag })
    if (stored && !dirty) setDraft(stored)
  }
  const conflict: Conflict | undefined =
    isNewer && dirty && !isSaved && text(service.config) !== text(base.config) && !save.isPending
      ? { service, theirs: stored, here: name !== undefined && text(stored) !== text(base.endpoint) }
      : undefined

  /**
   * What was typed meanwhile stays, unsaved yet. @returns whether there was nothing
   * @throws Problem 412 somebody saved meanwhile; what the draft's shape is refused for
   */
  const write = async (config: Service['config'], ifMatch: string | undefined): Promise<boolean> => {
    const endpoints = config.endpoints ?? []
    const at = name === undefined ? -1 : endpoints.findIndex(endpoint => endpoint.id === name)
    const changed = at < 0 ? [...endpoints, draft] : endpoints.map((endpoint, i) => (i === at ? draft : endpoint))
    const change_note = at < 0 ? t.noteAdded(draft.id) : t.noteChanged(draft.id)
    const wanted = { ...config, endpoints: changed }
    const { value, etag: saved } = await save.mutateAsync({ config: wanted, change_note, ifMatch })
    const isAll = text(latest.current) === text(draft)
    const endpoint = endpointsOf(value).find(known => known.id === draft.id) ?? draft
    setName(draft.id)
    setBase({ endpoint, config: value.config, etag: saved })
    if (isAll) setDraft(endpoint)
    return isAll
  }
  return {
    draft,
    setDraft,
    dirty,
    conflict,
    error: save.error,
    saving: save.isPending,
    save: () => write(base.config, base.etag),
    /** onto what is there now */
    saveOver: () => write(service.config, etag),
    takeTheirs: () => {
      save.reset()
      setBase({ endpoint: stored ?? fresh, config: service.config, etag })
      setDraft(stored ?? fresh)
    },
    discard: () => {
      save.reset()
      setDraft(base.endpoint)
    },
  }
}
