import { queryOptions } from '@tanstack/react-query'
import type { AuditRow } from '../../../management/audit.ts'
import { api } from '../../api/http.ts'

export type { AuditRow }

export const auditQuery = queryOptions({
  queryKey: ['audit'],
  queryFn: async ({ signal }) => (await api<{ items: AuditRow[] }>('/api/audit', { signal })).items,
  // comparing ten thousand rows with those before them takes longer than drawing what is in view
  structuralSharing: false,
})
