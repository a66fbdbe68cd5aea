const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `30s`, `15m`, `1h`, `1d` or a bare number of seconds, in milliseconds; undefined: it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text)
  return match ? Number(match[1]) * UNITS[match[2] ?? 's']! : undefined
}
