/** JSON with line breaks and nothing else changed: numbers keep every digit. What is not JSON comes back as it is. */
export function pretty(text: string): string {
  const json = JSON as unknown as { rawJSON?: (text: string) => unknown }
  const keeping = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && context?.source !== undefined && json.rawJSON ? json.rawJSON(context.source) : value
  try {
    return JSON.stringify(JSON.parse(text, keeping), null, 2)
  } catch {
    return text
  }
}
