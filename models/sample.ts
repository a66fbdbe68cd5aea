/** What `callgate demo` serves, inside the executable: Bun embeds a `file` import and gives its path. */
import airlines from './data/airlines.csv' with { type: 'file' }
import airports from './data/airports.csv' with { type: 'file' }
import flights from './data/flights.parquet' with { type: 'file' }
import planes from './data/planes.csv' with { type: 'file' }
import demo from './demo.yaml' with { type: 'file' }
import lateArrival from './late_arrival/late_arrival.onnx' with { type: 'file' }

/**
 * Path relative to this folder -> where its content is: a file of the checkout, or one that only Bun's own reading
 * functions find in the executable. Written to one folder under these paths, `demo.yaml` finds the others.
 */
export const sampleFiles: Record<string, string> = {
  'demo.yaml': demo,
  'data/airlines.csv': airlines,
  'data/airports.csv': airports,
  'data/flights.parquet': flights,
  'data/planes.csv': planes,
  'late_arrival/late_arrival.onnx': lateArrival,
}
