import { Anchor, Text } from '@mantine/core'
import type { UsageGroup } from '../../api/usage.ts'
import { usage as t } from '../../texts/usage.ts'
import { keyName, type Place, placeName } from '../../ui/usage-names.ts'
import type { UsageSearch } from './search.ts'

interface LinkProps {
  search: UsageSearch
  onChange: (next: UsageSearch) => void
}

/** What was called; pressed, the page is of that alone. */
export function PlaceLink({ of, search, onChange }: LinkProps & { of: Place }) {
  const { service, endpoint, deployment } = of
  if (service === null && deployment === null)
    return (
      <Text span inherit c="dimmed">
        {t.nothing}
      </Text>
    )
  const { service: _service, endpoint: _endpoint, deployment: _deployment, ...others } = search
  const only = deployment !== null ? { deployment } : { service: service!, ...(endpoint === null ? {} : { endpoint }) }
  const name = shownPlace(of)
  return (
    <Anchor
      component="button"
      type="button"
      size="sm"
      onClick={() => onChange({ ...others, ...only })}
      title={t.only(name)}
    >
      {name}
    </Anchor>
  )
}

export const shownPlace = (place: Place): string =>
  place.service !== null && place.endpoint === null ? t.whole(place.service) : placeName(place) || t.nothing

/** Who called; pressed, the page is of that key alone. */
export function KeyLink({ of, search, onChange }: LinkProps & { of: Pick<UsageGroup, 'key_id' | 'key'> }) {
  const name = keyName(of)
  const key = of.key_id ?? of.key
  if (key === null) return name
  return (
    <Anchor
      component="button"
      type="button"
      size="sm"
      onClick={() => onChange({ ...search, key })}
      title={t.only(name)}
    >
      {name}
    </Anchor>
  )
}
