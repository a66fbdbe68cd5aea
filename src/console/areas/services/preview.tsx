import type { EndpointConfig } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { Section } from '../../ui/page.tsx'
import { BodyPreview } from './body-preview.tsx'
import { paramsOf } from './query/tables.ts'
import { RowsPreview } from './rows-preview.tsx'

/** What the endpoint would answer as it stands in the editor. */
export function Preview({ endpoint }: { endpoint: EndpointConfig }) {
  return (
    <Section title={t.preview} about={t.previewAbout}>
      <OfKind endpoint={endpoint} />
    </Section>
  )
}

function OfKind({ endpoint }: { endpoint: EndpointConfig }) {
  switch (endpoint.kind) {
    case 'sql': {
      const { source, joins = [], pagination } = endpoint.query
      const isJoined = joins.every(({ table, on }) => table !== '' && on.every(({ left, right }) => left && right))
      const most = Math.min(FEW, pagination?.max_limit ?? FEW)
      return (
        <RowsPreview
          endpoint={endpoint}
          params={paramsOf(endpoint.query)}
          limit={most}
          complete={source.table !== '' && isJoined}
        />
      )
    }
    case 'lookup': {
      const name = endpoint.key_param ?? 'id'
      const params = name ? [{ name, required: true, several: false, usual: undefined }] : []
      const complete = endpoint.dataset !== '' && endpoint.key_column !== ''
      const most = Math.min(FEW, endpoint.max_results ?? FEW)
      return <RowsPreview endpoint={endpoint} params={params} limit={most} complete={complete} />
    }
    case 'table': {
      const most = Math.min(FEW, endpoint.pagination?.max_limit ?? FEW)
      return <RowsPreview endpoint={endpoint} params={[]} limit={most} complete={endpoint.dataset !== ''} />
    }
    case 'model':
    case 'function':
      return <BodyPreview endpoint={endpoint} />
  }
}

const FEW = 20
