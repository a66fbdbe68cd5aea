import { home as t } from '../../texts/home.ts'
import { Page } from '../../ui/page.tsx'

export function HomePage() {
  return <Page title={t.title}>{null}</Page>
}
