import { useState } from 'react'
import { type DeploymentRow, useChangeDeployment, useDeployment } from './api.ts'
import { type Definition, definitionOf, envNamesOf, isSame, patchOf } from './definition.ts'

/** What is there now, in the place of what editing began with. */
interface Conflict {
  theirs: Definition
}

interface Base {
  definition: Definition
  envNames: string[]
  etag: string | undefined
}

const baseOf = (deployment: DeploymentRow, etag: string | undefined): Base => ({
  definition: definitionOf(deployment),
  envNames: envNamesOf(deployment),
  etag,
})

/**
 * The definition while it is edited. What was read when editing began is what a save must find unchanged; where nothing was
 * typed yet, or the definition is the same, a newer version takes its place.
 */
export function useDefinition() {
  const { deployment, etag } = useDeployment()
  const change = useChangeDeployment(deployment.name)
  const [base, setBase] = useState(() => baseOf(deployment, etag))
  const [draft, setDraft] = useState(base.definition)
  const stored = baseOf(deployment, etag)
  const dirty = !isSame(draft, base.definition)
  const isNewer = etag !== base.etag && !change.isPending
  const isOther = !isSame([stored.definition, stored.envNames], [base.definition, base.envNames])
  if (isNewer && (!dirty || !isOther)) {
    setBase(stored)
    if (!dirty) setDraft(stored.definition)
  }
  const conflict: Conflict | undefined = isNewer && dirty && isOther ? { theirs: stored.definition } : undefined

  const write = async (from: Base) => {
    const patch = patchOf(from.definition, draft)
    const { value, etag: saved } = await change.mutateAsync({ patch, ifMatch: from.etag })
    const next = baseOf(value, saved)
    setBase(next)
    // what was typed meanwhile stays
    setDraft(now => (isSame(now, draft) ? next.definition : now))
  }
  return {
    deployment,
    draft,
    setDraft,
    envNames: stored.envNames,
    dirty,
    conflict,
    error: change.error,
    saving: change.isPending,
    /** @throws Problem 412 somebody saved meanwhile; what its shape is refused for */
    save: () => write(base),
    /** onto what is there now: only what was typed differs from it */
    saveOver: () => write(stored),
    takeTheirs: () => {
      change.reset()
      setBase(stored)
      setDraft(stored.definition)
    },
    discard: () => {
      change.reset()
      setDraft(base.definition)
    },
  }
}
