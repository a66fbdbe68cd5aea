/** A name that somebody gave, safe to repeat in a message: short, and without control characters. */
export function shown(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  const plain = name.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')
  return plain.length > 64 ? `${plain.slice(0, 61)}...` : plain
}
