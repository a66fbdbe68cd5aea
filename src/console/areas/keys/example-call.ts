import type { ServiceRow } from '../../api/services.ts'
import type { SampleCall } from './samples.ts'
import type { CallShape, Parameter } from './shape.ts'

/** What a parameter needs to be given has a value: an example, or one of its type. */
const BY_TYPE: Record<string, string> = {
  integer: '1',
  float: '1.5',
  decimal: '1.50',
  boolean: 'true',
  date: '2026-01-31',
  timestamp: '2026-01-31T12:00:00',
  timestamptz: '2026-01-31T12:00:00Z',
  time: '12:00:00',
}

export const exampleValue = ({ example, choices, type }: Parameter): string =>
  example ?? choices?.[0] ?? BY_TYPE[type] ?? 'text'

/** A call with what an endpoint needs and nothing else. */
export const exampleCall = (service: ServiceRow, endpoint: string, shape: CallShape): SampleCall => ({
  origin: location.origin,
  service: service.asset_key,
  serviceId: service.id,
  endpoint,
  method: shape.method,
  answersText: shape.answersText,
  query: shape.parameters
    .filter(({ required }) => required)
    .map((parameter): [string, string] => [parameter.name, exampleValue(parameter)]),
  ...(shape.takesBody ? { body: shape.body } : {}),
})
