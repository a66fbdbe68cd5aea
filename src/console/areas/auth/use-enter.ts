import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { type SessionState, sessionQuery } from '../../api/session.ts'

/** Signs in by `begin` and goes on to where one wanted to be. What somebody else was shown before is forgotten. */
export function useEnter<Input>(begin: (input: Input) => Promise<SessionState>) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const { to } = useSearch({ strict: false })
  return useMutation({
    mutationFn: begin,
    onSuccess: async session => {
      client.clear()
      client.setQueryData(sessionQuery.queryKey, session)
      await navigate({ to: (to ?? '/') as '/', replace: true })
    },
  })
}
