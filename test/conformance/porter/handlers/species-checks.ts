// The additional checks of the recorded "species".
import type { Check } from 'callgate'

const check: Check = ({ rows }, host) => {
  if (new Set(rows.map(row => row.id)).size < rows.length) throw host.error(422, 'ids must be unique')
}
export default check
