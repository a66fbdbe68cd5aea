/** A dataset of files in place, as statements name it to the workers. */
import type { Dataset, FilesLocation } from '../../../catalog/datasets.ts'

/** Everything that a worker needs to read it, and to know that it is still what was described. */
export interface Place extends FilesLocation {
  /** the dataset's name, for messages */
  name: string
  columns: PlaceColumn[]
  primaryKey: string[] | null
  types: Record<string, string>
  /** of its files when they were described */
  version: string
}

interface PlaceColumn {
  name: string
  type: string
  native: string
}

const written = new WeakMap<Dataset, string>()

/** The same text for the same dataset: what a worker keeps open is known by it. */
export function placeText(dataset: Dataset): string {
  let text = written.get(dataset)
  if (text === undefined) {
    const place: Place = {
      ...(dataset.location as FilesLocation),
      name: dataset.name,
      columns: dataset.columns.map(({ name, type, native = '' }) => ({ name, type, native })),
      primaryKey: dataset.primaryKey,
      types: dataset.origin?.types ?? {},
      version: dataset.sourceHash ?? '',
    }
    text = JSON.stringify(place)
    written.set(dataset, text)
  }
  return text
}
