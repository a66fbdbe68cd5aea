import { Button } from '@mantine/core'
import { IconPlayerPlay, IconPlayerStop, IconRefresh } from '@tabler/icons-react'
import { useProject } from '../../api/projects.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { Consequences } from '../../ui/callers.tsx'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { type DeploymentAction, type DeploymentRow, useAct } from './api.ts'

const DONE: Record<DeploymentAction, (name: string) => string> = {
  start: t.startedDone,
  restart: t.restartedDone,
  stop: t.stoppedDone,
}

/** What editors may do to one that is there: what its state allows. */
export function Actions({ deployment: { name, kind, enabled, status } }: { deployment: DeploymentRow }) {
  const { project_id } = useProject()
  const act = useAct(name)
  const run = (action: DeploymentAction) =>
    act.mutate(action, { onSuccess: () => showDone(DONE[action](name)), onError: showProblem })
  const stop = () =>
    confirmDestructive({
      title: t.stopTitle(name),
      children: <Consequences text={t.stopText} called={{ project: project_id, deployment: name }} />,
      confirm: t.stop,
      onConfirm: async () => {
        await act.mutateAsync('stop')
        showDone(t.stoppedDone(name))
      },
    })
  const busy = (action: DeploymentAction) => act.isPending && act.variables === action
  const isProgram = kind === 'command'
  return (
    <>
      {(!enabled || (isProgram && status === 'idle')) && (
        <Button
          variant={enabled ? 'default' : 'filled'}
          leftSection={<IconPlayerPlay size={16} />}
          onClick={() => run('start')}
          loading={busy('start')}
        >
          {enabled ? t.startNow : t.start}
        </Button>
      )}
      {enabled && isProgram && status !== 'idle' && (
        <Button
          variant="default"
          leftSection={<IconRefresh size={16} />}
          onClick={() => run('restart')}
          loading={busy('restart')}
        >
          {t.restart}
        </Button>
      )}
      {enabled && (
        <Button variant="default" leftSection={<IconPlayerStop size={16} />} onClick={stop}>
          {t.stop}
        </Button>
      )}
    </>
  )
}
