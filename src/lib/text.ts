/** Which of the names that there are somebody meant, where one is nearly the same: one letter in three is wrong, two at most. */
export function nearestOf(name: string, known: Iterable<string>): string | undefined {
  const most = Math.min(2, Math.floor(name.length / 3))
  let nearest: string | undefined
  let least = most + 1
  for (const one of known) {
    if (Math.abs(one.length - name.length) >= least) continue
    const apart = distance(name.toLowerCase(), one.toLowerCase())
    if (apart < least) [nearest, least] = [one, apart]
  }
  return nearest
}

/** How many letters are wrong, missing, too many or swapped with their neighbour. Both texts are short. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

/** A name that somebody gave, safe to repeat in a message: short, and without control characters. */
export function shown(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  const plain = name.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')
  return plain.length > 64 ? `${plain.slice(0, 61)}...` : plain
}
