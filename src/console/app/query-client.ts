import { notifyManager, QueryClient } from '@tanstack/react-query'
import { onComeback } from '../api/connection.ts'
import { ConnectionLost, onSessionEnd, onTokenRefused, Problem } from '../api/http.ts'
import { asEnded, readSessionAnew, sessionQuery } from '../api/session.ts'

// before the next event: the second press of a double click is to find the button as the first left it
notifyManager.setScheduler(queueMicrotask)

/** What was read is fresh for a moment, and is read again when the window comes to the front or the server comes back. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      networkMode: 'always',
      // a server that is busy for a moment says so
      retry: (count, error) =>
        (error instanceof ConnectionLost || (error instanceof Problem && error.status === 503)) && count < 1,
      throwOnError: false,
    },
    mutations: { networkMode: 'always', retry: false },
  },
})

onComeback(() => void queryClient.invalidateQueries())
onSessionEnd(() => queryClient.setQueryData(sessionQuery.queryKey, asEnded))
onTokenRefused(() => readSessionAnew(queryClient))
