import { Badge } from '@mantine/core'
import { deployments as t } from '../../texts/deployments.ts'
import { type DeploymentRow, type State, stateOf } from './api.ts'

const COLOURS: Record<State, string> = {
  idle: 'gray',
  starting: 'blue',
  running: 'teal',
  updating: 'blue',
  failing: 'red',
  stopped: 'gray',
  stopping: 'yellow',
}

export function StateBadge({ of }: { of: Pick<DeploymentRow, 'status' | 'replicas'> }) {
  const state = stateOf(of)
  return <Badge color={COLOURS[state]}>{t.states[state].name}</Badge>
}

/** Since when it has answered without a break; null: it does not, or its processes are no business of ours. */
export const readySince = ({ replicas }: Pick<DeploymentRow, 'replicas'>): string | null =>
  replicas
    .flatMap(({ state, part, started_at }) => (state === 'ready' && part === 'current' ? started_at : []))
    .sort()[0] ?? null
