import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'
import { onComeback } from '../api/connection.ts'
import { ConnectionLost, Problem } from '../api/http.ts'
import { sessionQuery } from '../api/session.ts'

/** Where a request is told that its session has ended, the shell gives way to signing in. */
const noteEnd = (error: unknown) => {
  if (error instanceof Problem && error.status === 401 && error.code !== 'sign_in_failed')
    queryClient.setQueryData(sessionQuery.queryKey, null)
}

/** What was read is fresh for a moment, and is read again when the window comes to the front or the server comes back. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noteEnd }),
  mutationCache: new MutationCache({ onError: noteEnd }),
  defaultOptions: {
    queries: {
      staleTime: 5000,
      networkMode: 'always',
      retry: (count, error) => error instanceof ConnectionLost && count < 1,
      throwOnError: false,
    },
    mutations: { networkMode: 'always', retry: false },
  },
})

onComeback(() => void queryClient.invalidateQueries())
