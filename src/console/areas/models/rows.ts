/** One row of features as a form has it (texts), and as JSON. */
import { exactJson, isJson } from '../../api/exact-json.ts'
import type { FeatureRow as Whole } from './api.ts'

type FeatureRow = Pick<Whole, 'name' | 'type' | 'shape'>

/** by feature: the text of a field; lists are JSON */
export type FormRow = Record<string, string>

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
/** more are better pasted than typed */
export const MOST_FIELDS = 150

export const isFloat = (feature: FeatureRow): boolean => /^b?float/.test(feature.type)
export const isList = (feature: FeatureRow): boolean => feature.shape.length > 0
export const isBoolean = (feature: FeatureRow): boolean => feature.type === 'bool' && !isList(feature)

export const emptyRow = (features: readonly FeatureRow[]): FormRow =>
  Object.fromEntries(features.map(feature => [feature.name, isBoolean(feature) ? 'false' : '']))

/** The body for the row, its numbers as they were typed. What is no number is sent as it is: the server says what is wrong with it. */
export function bodyOf(features: readonly FeatureRow[], row: FormRow): string {
  const members = features.map(
    feature => `    ${JSON.stringify(feature.name)}: ${featureJson(feature, row[feature.name] ?? '')}`,
  )
  return `{\n  "features": {\n${members.join(',\n')}\n  }\n}`
}

/** A value as JSON, with its digits as they were typed. */
export function featureJson(feature: FeatureRow, text: string): string {
  const plain = text.trim()
  if (isList(feature)) return isJson(plain) ? plain : JSON.stringify(text)
  if (feature.type === 'string') return JSON.stringify(text)
  if (plain === '') return 'null'
  return plain === 'true' || plain === 'false' || NUMBER.test(plain) ? plain : JSON.stringify(text)
}

/** The row that a body has, when a form can show it. */
export function rowOf(features: readonly FeatureRow[], body: string): FormRow | undefined {
  let given: unknown
  try {
    given = exactJson(body)
  } catch {
    return undefined
  }
  const values = (given as { features?: unknown } | null)?.features
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return undefined
  const row = emptyRow(features)
  for (const [name, value] of Object.entries(values)) {
    if (!Object.hasOwn(row, name)) return undefined
    row[name] = value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)
  }
  return row
}
