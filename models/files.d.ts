/** Imports `with { type: 'file' }` are paths. */
declare module '*.csv' {
  const path: string
  export default path
}
declare module '*.onnx' {
  const path: string
  export default path
}
declare module '*.parquet' {
  const path: string
  export default path
}
