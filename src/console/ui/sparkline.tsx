/** Of how many bars a line is drawn at most. */
const MOST_BARS = 28
const WIDTH = 56
const HEIGHT = 18

/** Counts over time, as small bars beside the number that they add up to. It says nothing that the number does not. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const bars = merged(values)
  const most = Math.max(...bars, 1)
  const step = WIDTH / Math.max(bars.length, 1)
  return (
    <svg className="sparkline" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path
        d={bars.map((value, i) => bar(i * step, step, value === 0 ? 1 : 2 + (value / most) * (HEIGHT - 2))).join('')}
      />
    </svg>
  )
}

const bar = (x: number, step: number, height: number) =>
  `M${x.toFixed(1)} ${HEIGHT}v${-height.toFixed(1)}h${Math.max(1, step - 1).toFixed(1)}V${HEIGHT}z`

/** As many sums of neighbours as there is room for. */
function merged(values: readonly number[]): number[] {
  const size = Math.ceil(values.length / MOST_BARS) || 1
  const sums: number[] = []
  for (let at = 0; at < values.length; at += size)
    sums.push(values.slice(at, at + size).reduce((sum, value) => sum + value, 0))
  return sums
}
