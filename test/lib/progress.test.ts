import { expect, test } from 'bun:test'
import { progressReporter } from '../../src/lib/progress.ts'

function sink(isTTY: boolean) {
  const written: string[] = []
  return { written, isTTY, columns: 60, write: (text: string) => written.push(text) }
}

test('a terminal gets one line that is redrawn, and a line break at the end only', () => {
  const out = sink(true)
  const progress = progressReporter('flights', out)
  progress.update({ rows: 500, fraction: 0.5, phase: 'writing' })
  progress.done()
  expect(out.written[0]).toStartWith('\r\x1b[2K')
  expect(out.written[0]).toContain('[############------------]  50%')
  expect(out.written[0]).not.toContain('\n')
  expect(out.written[0]!.length).toBeLessThanOrEqual(60 + '\r\x1b[2K'.length)
  expect(out.written.at(-1)).toStartWith('\r\x1b[2Kflights: 500 rows in ')
  expect(out.written.at(-1)).toEndWith(' s\n')
})

test('elsewhere there are plain lines, few of them', () => {
  const out = sink(false)
  const progress = progressReporter('flights', out)
  for (let rows = 0; rows < 1000; rows++) progress.update({ rows, fraction: rows / 1000, phase: 'writing' })
  progress.done()
  expect(out.written).toEqual(['flights: started\n', expect.stringMatching(/^flights: 999 rows in \d+\.\d s\n$/)])
})
