/** What is typed into the test pane, and the request that it makes. */
import { exactJson } from '../../api/exact-json.ts'
import { featureJson } from '../models/rows.ts'
import { exampleValue } from './example-call.ts'
import type { CallShape, Feature } from './shape.ts'

export interface TestInput {
  /** parameters by name; none: it is not given */
  values: Record<string, string[]>
  /** features by name, as they are typed */
  features: Record<string, string>
  /** a model's body is written as JSON, not in the form */
  asJson: boolean
  json: string
  /** of a function */
  query: string
}

export const beginning = (shape: CallShape): TestInput => ({
  values: Object.fromEntries(
    shape.parameters.map(parameter => [parameter.name, parameter.required ? [exampleValue(parameter)] : []]),
  ),
  features: Object.fromEntries((shape.features ?? []).map(feature => [feature.name, exampleText(shape, feature)])),
  asJson: shape.takesBody && !shape.features,
  json: JSON.stringify(shape.body ?? {}, null, 2),
  query: '',
})

function exampleText({ body }: CallShape, { name }: Feature): string {
  const value = (body as { features: Record<string, unknown> }).features[name]
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The body as JSON; undefined: none is sent. */
export function bodyOf(shape: CallShape, { features, asJson, json }: TestInput): string | undefined {
  if (!shape.takesBody) return undefined
  if (asJson || !shape.features) return json
  const members = shape.features.map(
    feature => `${JSON.stringify(feature.name)}:${featureJson(feature, features[feature.name] ?? '')}`,
  )
  return `{"features":{${members.join(',')}}}`
}

/** What is given of the query string, in the order of the form. */
export const pairsOf = (shape: CallShape, { values, query }: TestInput): [string, string][] =>
  shape.parameters.length > 0
    ? shape.parameters.flatMap(({ name }) =>
        (values[name] ?? []).filter(value => value !== '').map((value): [string, string] => [name, value]),
      )
    : [...new URLSearchParams(query)]

/** With its numbers as they are written; undefined: it is not JSON */
export function parsed(json: string): unknown {
  try {
    return exactJson(json)
  } catch {
    return undefined
  }
}
