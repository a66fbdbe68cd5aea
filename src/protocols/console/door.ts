/**
 * The console's page and files. The page is the same for every path below `/console`: what is shown there is decided in the
 * browser, with what the management API gives. Nothing is loaded from elsewhere, and no script runs that is not a file here.
 */
import { Fault, methodNotAllowed, notFound, toFault } from '../../lib/fault.ts'
import { rawPath } from '../../lib/path.ts'
import { problem } from '../../lib/problem.ts'
import { identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { ASSETS, bundleConsole } from './bundle.ts'
import { type ConsoleFile, embedded } from './embedded.ts'
import { page, policy } from './page.ts'

const TYPES: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

interface Console {
  entry: string
  styles: string[]
  files: Map<string, ConsoleFile>
}

let built: Promise<Console> | undefined

export async function consoleDoor(request: Request): Promise<Response> {
  const identity = identify(request.headers)
  try {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed(['GET'])
    const path = rawPath(request.url)
    const answer = path.startsWith(ASSETS)
      ? await file(request, await files(), path.slice(ASSETS.length))
      : start(await files())
    for (const [name, value] of Object.entries(identity.headers)) answer.headers.set(name, value)
    return answer
  } catch (error) {
    const fault = toFault(error)
    logFailure(fault, error, identity)
    return problem(fault, identity)
  }
}

function files(): Promise<Console> {
  built ??= load().catch(error => {
    built = undefined
    throw new Fault(500, 'console_not_built', 'The console could not be built from its source.', { cause: error })
  })
  return built
}

async function load(): Promise<Console> {
  const { files, entry } = embedded ?? (await bundleConsole())
  const styles = files.map(file => file.name).filter(name => name.endsWith('.css'))
  return { entry, styles, files: new Map(files.map(file => [file.name, file])) }
}

/** The page has a nonce of its own, for the style elements that the components write, and is therefore never kept. */
function start({ entry, styles }: Console): Response {
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64')
  return new Response(page({ entry: ASSETS + entry, styles: styles.map(name => ASSETS + name), nonce }), {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(nonce),
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
  })
}

/** A file's name is the hash of its content: it never changes. @throws Fault 404 */
async function file(request: Request, { files }: Console, name: string): Promise<Response> {
  const found = files.get(name)
  if (!found) throw notFound('There is no such file.')
  const etag = `"${name}"`
  const headers = {
    'cache-control': 'public, max-age=31536000, immutable',
    etag,
    vary: 'Accept-Encoding, Origin',
    'x-content-type-options': 'nosniff',
  }
  const known = request.headers
    .get('if-none-match')
    ?.split(',')
    .map(tag => tag.trim().replace(/^W\//, ''))
  if (known?.includes(etag)) return new Response(null, { status: 304, headers })
  const gzip = typeof found.gzip === 'string' ? await Bun.file(found.gzip).bytes() : found.gzip
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(request.headers.get('accept-encoding') ?? '')
  return new Response((takesGzip ? gzip : Bun.gunzipSync(gzip as Uint8Array<ArrayBuffer>)) as Uint8Array<ArrayBuffer>, {
    headers: {
      ...headers,
      'content-type': TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
      ...(takesGzip ? { 'content-encoding': 'gzip' } : {}),
    },
  })
}
