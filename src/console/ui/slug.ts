/** What a name suggests for the part of URLs, of `most` characters: the rule itself is the server's. */
export const slugOf = (name: string, most: number): string =>
  name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, most)
