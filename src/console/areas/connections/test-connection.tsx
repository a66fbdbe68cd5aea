import { Button } from '@mantine/core'
import { connections as t } from '../../texts/connections.ts'
import { showDone, showProblem } from '../../ui/notify.ts'
import { useTestConnection } from './api.ts'

/** Connects now and says what came of it. */
export function TestConnection({ name }: { name: string }) {
  const test = useTestConnection()
  const run = () =>
    test.mutate(name, {
      onSuccess: result => {
        if (result.ok) showDone(t.works(result.server, result.database, result.milliseconds))
        else showProblem(new Error(result.error))
      },
      onError: showProblem,
    })
  return (
    <Button size="compact-xs" variant="default" onClick={run} loading={test.isPending} aria-label={t.testOne(name)}>
      {t.test}
    </Button>
  )
}
