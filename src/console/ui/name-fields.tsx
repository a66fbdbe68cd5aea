import { TextInput } from '@mantine/core'

/** What a name suggests for the part of URLs, of `most` characters: the rule itself is the server's. */
const slugOf = (name: string, most: number): string =>
  name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, most)

interface Named {
  name: string
  /** part of URLs */
  slug: string
}

interface NameFieldsProps extends Named {
  label: string
  slugLabel: string
  slugHint: string
  mostOfSlug: number
  onChange: (named: Named) => void
}

/** A name, and its part of URLs, which follows the name until it is typed itself. */
export function NameFields({ name, slug, label, slugLabel, slugHint, mostOfSlug, onChange }: NameFieldsProps) {
  const rename = (typed: string) => {
    const follows = slug === slugOf(name, mostOfSlug)
    onChange({ name: typed, slug: follows ? slugOf(typed, mostOfSlug) : slug })
  }
  return (
    <>
      <TextInput
        label={label}
        required
        data-autofocus
        maxLength={200}
        value={name}
        onChange={event => rename(event.currentTarget.value)}
      />
      <TextInput
        label={slugLabel}
        description={slugHint}
        required
        maxLength={mostOfSlug}
        spellCheck={false}
        value={slug}
        onChange={event => onChange({ name, slug: event.currentTarget.value })}
      />
    </>
  )
}
