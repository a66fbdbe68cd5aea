import { useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { useUploadQueue } from '../../api/upload-queue.ts'
import { datasets as t } from '../../texts/datasets.ts'
import { Page, UnreadPage } from '../../ui/page.tsx'
import { UploadList } from '../../ui/upload-list.tsx'
import { type DatasetRow, datasetsQuery, keyAndIndexesOf, type UploadFields, useUploadDataset } from './api.ts'
import { DatasetUpload } from './upload-card.tsx'

/** Files are chosen, looked over, and imported one after the other. */
export function UploadPage() {
  const project = useProject()
  const session = useSession()
  const { name: target } = useSearch({ from: '/shell/projects/$project/datasets/upload' })
  const { data: known, error } = useQuery(datasetsQuery(project.project_id))
  const replaced = known?.find(dataset => dataset.name === target)
  const send = useUploadDataset(project.project_id)
  const queue = useUploadQueue<UploadFields, DatasetRow>(file => proposed(file, target, replaced), send)
  if (!may(session, 'editor', project.slug)) throw new Problem(404, {})
  // new rows keep a key and indexes that have to be known first
  if (target !== undefined && !known) return <UnreadPage title={t.uploadTitle} error={error} />
  return (
    <Page title={t.uploadTitle} about={target ? t.newVersionOf(target) : t.uploadAbout}>
      <UploadList
        queue={queue}
        drop={target ? t.dropOne : t.drop}
        dropHint={target ? t.dropOneHint : t.dropHint}
        several={target === undefined}
        isReady={({ file, fields }) => formatOf(file) !== undefined && fields.name !== ''}
        start={t.start}
        card={(item, actions) => (
          <DatasetUpload item={item} known={known ?? []} isReadable={formatOf(item.file) !== undefined} {...actions} />
        )}
      />
    </Page>
  )
}

const FORMATS = /\.(csv|csv\.gz|tsv|json|ndjson|parquet)$/i
const formatOf = (file: File): string | undefined => FORMATS.exec(file.name)?.[1]?.toLowerCase()

/** The name that the server would propose; new rows of a dataset keep its key and indexes. */
function proposed(file: File, target: string | undefined, replaced: DatasetRow | undefined): UploadFields {
  const plain = file.name
    .replace(/\..*$/, '')
    .replace(/[^\w$-]/g, '_')
    .slice(0, 63)
  return {
    name: target ?? `uploads.${/^[a-z_]/i.test(plain) ? plain : `_${plain}`.slice(0, 63)}`,
    ...keyAndIndexesOf(replaced),
    replace: target !== undefined,
    force: false,
  }
}
