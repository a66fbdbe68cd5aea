import type { ServiceRow } from '../../api/services.ts'
import type { SampleCall } from './samples.ts'
import { type CallShape, EXAMPLES, type Parameter } from './shape.ts'

/** What a parameter needs to be given has a value: an example, or one of its type. */
export const exampleValue = ({ example, choices, type }: Parameter): string =>
  example ?? choices?.[0] ?? String(EXAMPLES[type] ?? 'text')

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
