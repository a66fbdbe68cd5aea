declare module '*.wasm' {
  /** where the file is: a path that `Bun.file` reads, inside the executable too */
  const path: string
  export default path
}
