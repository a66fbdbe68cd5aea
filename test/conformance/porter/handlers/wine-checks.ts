// The additional checks of the recorded "wine": a ValueError with a text, one without, and an error of another kind.
import type { Check } from 'callgate'

const check: Check = ({ rows }, host) => {
  for (const { alcohol } of rows) {
    if (alcohol > 20) throw host.error(422, 'alcohol must be at most 20 percent')
    if (alcohol === 13.37) throw host.error(422)
    if (alcohol === 6.66) throw new RangeError('alcohol')
  }
}
export default check
