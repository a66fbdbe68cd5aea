/** One file of the console as it is built: gzip-compressed, its name with a hash of its content. */
export interface ConsoleFile {
  name: string
  /** the compressed bytes, or where `Bun.file` reads them inside the executable */
  gzip: Uint8Array | string
}

export interface ConsoleFiles {
  files: ConsoleFile[]
  /** the script that the page begins with */
  entry: string
}

/** The console that this executable carries. From source there is none; `src/build.ts` puts the real one in this file's place. */
export const embedded: ConsoleFiles | undefined = undefined
