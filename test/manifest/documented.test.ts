/** What a manifest may say is in the README. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TSchema } from '@sinclair/typebox'
import { HandlerConfig } from '../../src/catalog/handler.ts'
import { PorterRoute } from '../../src/catalog/porter.ts'
import { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { ModelReference } from '../../src/catalog/service-config.ts'
import { Manifest } from '../../src/management/manifest/schema.ts'

/** The names of all fields of a schema, however deep. */
function fieldsOf(schema: TSchema): string[] {
  const { properties = {}, anyOf = [], items, patternProperties = {} } = schema
  const inside = [...Object.values(properties), ...Object.values(patternProperties), ...anyOf, ...[items ?? []].flat()]
  return [...Object.keys(properties), ...inside.flatMap(part => fieldsOf(part as TSchema))]
}

test('every field of a manifest, of queries, models, handlers and porter routes is in the README', () => {
  const readme = readFileSync(join(import.meta.dir, '../../README.md'), 'utf8')
  const fields = [Manifest, QueryDefinition, ModelReference, HandlerConfig, PorterRoute].flatMap(fieldsOf)
  expect(fields.length).toBeGreaterThan(100)
  expect([...new Set(fields)].filter(field => !new RegExp(`\\b${field}\\b`).test(readme))).toEqual([])
})
