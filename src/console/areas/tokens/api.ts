import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { NewTokenInput, TokenRow } from '../../../management/auth.ts'
import { api } from '../../api/http.ts'

export type { TokenRow }

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: async () => (await api<{ tokens: TokenRow[] }>('/api/auth/tokens')).tokens,
})

const useRefresh = () => {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: tokensQuery.queryKey })
}

/** `token` in the answer is the secret, which is told this once. */
export const useMintToken = () =>
  useMutation({
    mutationFn: (input: NewTokenInput) =>
      api<TokenRow & { token: string }>('/api/auth/tokens', { method: 'POST', body: input }),
    onSuccess: useRefresh(),
  })

export const useRevokeToken = () =>
  useMutation({
    mutationFn: (id: number) => api(`/api/auth/tokens/${id}`, { method: 'DELETE' }),
    // also after a refusal: it may be gone already
    onSettled: useRefresh(),
  })
