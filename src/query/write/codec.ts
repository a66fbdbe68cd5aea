import type { Column } from '../../catalog/column.ts'
import type { EngineName } from '../../catalog/datasets.ts'
import { decoderOf as decoderOfDatabase, encodeValue } from '../engines/postgres/values.ts'
import { type Decoder, decoderOf, encodeText, type StoredValue } from '../values.ts'

/** How an engine has values where rows are written. */
export interface Codec {
  /** A text as a value of the column, or undefined when it is not one. */
  encode(column: Column, text: string): StoredValue | undefined
  /** How a value that was read becomes JSON; null where it is that already. */
  decoder(column: Column): Decoder | null
}

/** The embedded store, whose integers are read as bigint. */
const STORED: Codec = { encode: encodeText, decoder: column => decoderOf(column, true) }
const DATABASE: Codec = { encode: encodeValue, decoder: decoderOfDatabase }

export const codecOf = (engine: EngineName): Codec => (engine === 'postgres' ? DATABASE : STORED)
