/** A line on stdout. (console.log does not tell where it cannot be written, and the exit status would be 0.) */
export const print = (line: string): void => void process.stdout.write(`${line}\n`)
