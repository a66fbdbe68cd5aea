/** A command as people write it: words, and quotes that keep a space in one. There is no shell: nothing else means anything. */

/** @returns the words; undefined where a quote is not closed */
export function wordsOf(line: string): string[] | undefined {
  const words: string[] = []
  let word: string | undefined
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!
    if (char === '"' || char === "'") {
      word ??= ''
      for (at++; line[at] !== char; at++) {
        if (at >= line.length) return undefined
        if (char === '"' && line[at] === '\\' && /["\\]/.test(line[at + 1] ?? '')) at++
        word += line[at]
      }
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (char === '\\' && at + 1 < line.length) {
      word = (word ?? '') + line[++at]
    } else word = (word ?? '') + char
  }
  if (word !== undefined) words.push(word)
  return words
}

/** A line that `wordsOf` reads as these words. */
export const lineOf = (words: readonly string[]): string =>
  words.map(word => (/^[^\s"'\\]+$/.test(word) ? word : `"${word.replace(/["\\]/g, char => `\\${char}`)}"`)).join(' ')
