/** One file of a native library, zstd-compressed inside the executable. */
export interface EmbeddedFile {
  /** As it must be called when unpacked: the libraries find one another by these names, side by side. */
  name: string
  /** Size and SHA-256 (hex) of the file when unpacked. */
  bytes: number
  sha256: string
  /** Where the compressed bytes are: a path that `Bun.file` reads inside the executable. */
  path: string
}

/** The files that must lie in one directory for one library to load. `sha256` names the directory: it covers all of them. */
export interface EmbeddedSet {
  sha256: string
  files: EmbeddedFile[]
}

export type NativeLibrary = 'onnxruntime' | 'duckdb'

/** What this executable carries. From source there is nothing to carry; `src/build.ts` puts the real table in this file's place. */
export const embedded: Partial<Record<NativeLibrary, EmbeddedSet>> = {}
