/** What programs of deployments wrote, and what they write while somebody looks. */
import { type Deployment, getDeployment } from '../catalog/deployments.ts'
import { followed, lastLines, type Piece, type Place } from '../deployments/log.ts'
import { badRequest, Fault, unavailable } from '../lib/fault.ts'
import { within } from '../lib/pause.ts'
import { sent } from '../lib/sending.ts'
import { idOf, type ManagementContext, projectFor, type SignedIn } from './context.ts'
import { wholeNumber } from './respond.ts'

const MOST_LINES = 10_000
/** Logs that are followed at once, of all deployments. */
const MOST_FOLLOWED = 100
/** The same by one user. */
const MOST_OF_ONE = 20
/** Who follows a log is asked again who they are, so often. */
const ASKED_EVERY_MS = 5000
/** Whatever lies between ends a connection that is silent for long. */
const SIGN_OF_LIFE_MS = 15_000

/** who follows one now: a user's id for each */
const followers: number[] = []

/**
 * `GET .../logs`: the last `lines` as text; with `follow=true` what is written from now on too, until the caller goes, or
 * may read it no longer.
 * Where server-sent events are accepted, those: each has the id of the place after it, which `Last-Event-ID` goes on from.
 * @param keepOpen keeps a connection from being ended for its silence
 */
export function deploymentLog(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  projectId: string,
  name: string,
  keepOpen: (request: Request) => void,
): Response {
  const { id } = readable(context, who, projectId, name)
  const path = context.fleet.places.logOf(id)
  const url = new URL(request.url)
  const lines = wholeNumber(url, 'lines', 100, MOST_LINES)
  const wantsEvents = request.headers.get('accept')?.includes('text/event-stream') ?? false
  if (!wantsEvents && url.searchParams.get('follow') !== 'true')
    return new Response(sent(lastLines(path, lines), request.method), { headers: TEXT })
  const headers = wantsEvents ? EVENTS : TEXT
  // what is asked for by HEAD has no body, and nobody who would read it to its end
  if (request.method === 'HEAD') return new Response(null, { headers })
  const from = wantsEvents ? placeOf(request.headers.get('last-event-id')) : undefined
  checkFollowers(who.user.id)
  keepOpen(request)
  const gone = new AbortController()
  const ended = AbortSignal.any([gone.signal, request.signal, context.fleet.closing])
  const mayGoOn = () => readable(context, who, projectId, name).id === id
  askNowAndThen(mayGoOn, ended, () => gone.abort())
  const pieces = followed(path, { lines, from }, ended)
  const text = wantsEvents ? events(pieces) : bytesOf(pieces)
  const body = streamOf(text, who.user.id, ended, () => gone.abort())
  return new Response(body, { headers })
}

/** @throws Fault 404, 403 */
function readable(context: ManagementContext, who: SignedIn, projectId: string, name: string): Deployment {
  const project = projectFor(context, who, idOf(projectId), 'editor')
  return getDeployment(context.db, project.id, name)
}

/** @throws Fault 429 the user follows many already, 503 all do together */
function checkFollowers(userId: number): void {
  if (followers.filter(id => id === userId).length >= MOST_OF_ONE) {
    const message = `You follow ${MOST_OF_ONE} logs already, which is as many as one user may.`
    throw new Fault(429, 'too_many_followed', message, { headers: { 'retry-after': '10' } })
  }
  if (followers.length >= MOST_FOLLOWED) throw unavailable('Too many logs are followed at the moment.', 10)
}

/** @param stop called when the answer is no, or is refused */
function askNowAndThen(ask: () => boolean, ended: AbortSignal, stop: () => void): void {
  const timer = setInterval(() => {
    try {
      if (!ask()) stop()
    } catch {
      stop()
    }
  }, ASKED_EVERY_MS)
  ended.addEventListener('abort', () => clearInterval(timer), { once: true })
}

const TEXT = { 'content-type': 'text/plain; charset=utf-8' }
/** The last of them is nginx's: it would hold events back. */
const EVENTS = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' }

/** @param ended aborted when nobody reads any more; `end` has it be that */
function streamOf(
  pieces: AsyncGenerator<Uint8Array | string>,
  userId: number,
  ended: AbortSignal,
  end: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let open = true
  followers.push(userId)
  const close = () => {
    if (open) followers.splice(followers.indexOf(userId), 1)
    open = false
    end()
    void pieces.return(undefined)
  }
  ended.addEventListener('abort', close, { once: true })
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next()
        if (!done) return controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value)
        close()
        controller.close()
      } catch (error) {
        close()
        throw error
      }
    },
    cancel: close,
  })
}

async function* bytesOf(pieces: AsyncGenerator<Piece>): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of pieces) if (bytes.length > 0) yield bytes
}

/** Server-sent events (HTML, 9.2): `data` is a list of lines as JSON; the event `gap` says that some before are missing. */
async function* events(pieces: AsyncGenerator<Piece>): AsyncGenerator<string> {
  try {
    yield 'retry: 1000\n\n'
    let next = pieces.next()
    for (;;) {
      const read = await within(next, SIGN_OF_LIFE_MS)
      if (!read) {
        yield ': \n\n'
        continue
      }
      if (read.done) return
      next = pieces.next()
      yield eventOf(read.value)
    }
  } finally {
    void pieces.return(undefined)
  }
}

function eventOf({ bytes, next: { began, at }, gap }: Piece): string {
  const lines = bytes.length > 0 ? bytes.toString().replace(/\n$/, '').split('\n') : []
  return `${gap ? 'event: gap\ndata: []\n\n' : ''}id: ${began}-${at}\ndata: ${JSON.stringify(lines)}\n\n`
}

/** @throws Fault 400 */
function placeOf(id: string | null): Place | undefined {
  if (id === null) return undefined
  const [, began, at] = /^(\d{1,15})-(\d{1,15})$/.exec(id) ?? []
  if (began === undefined) throw badRequest('Last-Event-ID is no id of an event of this log.')
  return { began: Number(began), at: Number(at) }
}
