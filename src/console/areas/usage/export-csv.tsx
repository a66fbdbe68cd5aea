import { Button } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useProject } from '../../api/projects.ts'
import type { UsageReport } from '../../api/usage.ts'
import { usage as t } from '../../texts/usage.ts'
import { showProblem } from '../../ui/notify.ts'
import { readCsv } from './api.ts'
import type { UsageSearch } from './search.ts'

/** Saves the calls that are shown as a file. */
export function ExportCsv({ report, search }: { report: UsageReport; search: UsageSearch }) {
  const { project_id, slug } = useProject()
  const { mutate, isPending } = useMutation({
    mutationFn: () => readCsv(project_id, report, search),
    onSuccess: text => save(text, `usage-${slug}-${report.from.slice(0, 10)}.csv`),
    onError: showProblem,
  })
  return (
    <Button
      variant="default"
      leftSection={<IconDownload size={16} />}
      loading={isPending}
      onClick={() => mutate()}
      title={t.csvText}
    >
      {t.csv}
    </Button>
  )
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
