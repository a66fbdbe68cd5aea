import { Skeleton } from '@mantine/core'
import { common } from '../texts/common.ts'

/** What stands in for something, `height` px high, while it is read. */
export const Loading = ({ height }: { height: number }) => (
  <Skeleton height={height} role="status" aria-busy="true" aria-label={common.loading} />
)
