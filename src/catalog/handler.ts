/** What an author says of code of their own: a function endpoint's handler, and the hooks of a model endpoint. */
import { type Static, Type } from '@sinclair/typebox'
import { closed } from '../lib/shape.ts'

/** Characters of a handler's source. */
export const MAX_SOURCE = 512 * 1024

const optional = Type.Optional
const whole = (minimum: number, maximum: number) => optional(Type.Integer({ minimum, maximum }))

/** Of one call. */
const Limits = Type.Object(
  {
    cpu_ms: whole(1, 10_000),
    wall_ms: whole(1, 120_000),
    memory_mb: whole(4, 256),
    /** of the answer, and of each argument of a host call */
    output_kb: whole(1, 16_384),
    host_calls: whole(0, 1000),
  },
  closed,
)

const Grants = Type.Object(
  {
    /** endpoints of the service that it may call though its caller may not; `*`: all of them */
    endpoints: optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 1000 })),
    /** hosts that it may fetch from: `api.example.org`, `*.example.org`, with a port where it is another than the scheme's */
    fetch: optional(
      Type.Array(
        Type.String({
          pattern: '^(\\*\\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$',
          maxLength: 260,
          error: 'must be a host such as api.example.org, *.example.org or api.example.org:8443.',
        }),
        { maxItems: 100 },
      ),
    ),
  },
  closed,
)

/** The handler's source is looked at when it is published; a manifest may name a file, `handler_file`. */
export const handlerFields = {
  handler: optional(Type.String({ maxLength: MAX_SOURCE })),
  grants: optional(Grants),
  limits: optional(Limits),
}
export const HandlerConfig = Type.Object(handlerFields, closed)
export type HandlerConfig = Static<typeof HandlerConfig>

/** The places in a model endpoint where code of its author runs. */
export const HOOKS = ['check', 'before', 'after'] as const
