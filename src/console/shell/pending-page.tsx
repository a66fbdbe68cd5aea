import { Loading } from '../ui/loading.tsx'

/** What stands in for a page that a slow server has not said enough about yet. */
export const PendingPage = () => <Loading height={320} />
