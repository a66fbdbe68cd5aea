/** What checks of JSON Schemas are made of. */

/** Where, from the value on (`[0].x`), and what it must be. */
export interface Failure {
  at: string
  says: string
}
export type Check = (value: unknown) => Failure | undefined
export type JsonSchema = Record<string, unknown>
export type Compile = (schema: unknown) => Check

export const fail = (says: string): Failure => ({ at: '', says })
