/** Where the path begins in a request's URL; negative: it has none. Without a usable Host the URL is a path alone. */
export function pathStart(url: string): number {
  return url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
}

/** The path of a request's URL as it was sent: not decoded, without the query. */
export function rawPath(url: string): string {
  const start = pathStart(url)
  if (start < 0) return '/'
  const end = url.slice(start).search(/[?#]/)
  return end < 0 ? url.slice(start) : url.slice(start, start + end) || '/'
}

/** The query of a request's URL as it was sent, with its question mark; empty: there is none before the fragment. */
export function rawQuery(url: string): string {
  const mark = url.indexOf('?')
  if (mark < 0) return ''
  const hash = url.indexOf('#')
  return hash < 0 ? url.slice(mark) : url.slice(mark, Math.max(mark, hash))
}

/** A part of a path, decoded; undefined where its escapes are none. */
export function decodedPart(part: string): string | undefined {
  try {
    return part.includes('%') ? decodeURIComponent(part) : part
  } catch {
    return undefined
  }
}
