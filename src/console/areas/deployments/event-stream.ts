/** Server-sent events (HTML, 9.2), as far as the API writes them. */
export interface ServerEvent {
  /** where to go on after it */
  id?: string
  kind: string
  data: string
}

/** Each event as it comes; undefined for whatever only shows that the other side is there. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent | undefined> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const events = (text + value).split('\n\n')
      text = events.pop()!
      for (const event of events) yield parsed(event)
    }
  } finally {
    void reader.cancel().catch(() => {})
  }
}

function parsed(event: string): ServerEvent | undefined {
  const fields = new Map(
    event.split('\n').map(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trimStart()] as const
    }),
  )
  const data = fields.get('data')
  return data === undefined ? undefined : { id: fields.get('id'), kind: fields.get('event') ?? 'message', data }
}
