/** Who is signed in, and what they may do. */
import { type QueryClient, queryOptions, useQuery } from '@tanstack/react-query'
import type {
  NewPasswordInput,
  SessionState as SessionRow,
  SetupInput,
  SignInInput,
} from '../../management/console-session.ts'
import { api, Problem, setCsrfToken } from './http.ts'

/** `ended`: nothing is read or changed with it any more. What is on the page stays there until somebody has signed in again. */
export type SessionState = SessionRow & { ended?: true }
export type { SignInInput }
export type Role = 'viewer' | 'editor' | 'admin'

const RANK: Record<Role, number> = { viewer: 0, editor: 1, admin: 2 }

/** null: nobody is signed in. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ client, queryKey }): Promise<SessionState | null> => {
    const before = client.getQueryData<SessionState>(queryKey)
    try {
      const session = taken(await api<SessionState>('/api/auth/session'))
      if (before && before.user_id !== session.user_id) forgetAllButSession(client)
      return session
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return asEnded(before) ?? null
      throw error
    }
  },
  // somebody may have signed in again in another tab
  staleTime: ({ state }) => (state.data?.ended ? 0 : 60_000),
})

/** What somebody was shown is not for whoever comes after them. */
export const forgetAllButSession = (client: QueryClient): void =>
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionQuery.queryKey[0] })

/** Reads the session anew. @returns whether it is of whom this page is of */
export async function readSessionAnew(client: QueryClient): Promise<boolean> {
  const before = client.getQueryData(sessionQuery.queryKey)
  const now = await client.fetchQuery({ ...sessionQuery, staleTime: 0 })
  return now !== null && !now.ended && now.user_id === before?.user_id
}

/** What becomes of whoever is signed in here where the server knows no session any more. */
export const asEnded = <S extends SessionState | null | undefined>(session: S): S | SessionState =>
  session ? { ...session, ended: true } : session

export const setupQuery = queryOptions({
  queryKey: ['setup'],
  queryFn: () => api<{ needed: boolean }>('/api/auth/setup'),
})

export const signIn = async (input: SignInInput): Promise<SessionState> =>
  taken(await api<SessionState>('/api/auth/session', { method: 'POST', body: input }))

export const setUp = async (input: SetupInput): Promise<SessionState> =>
  taken(await api<SessionState>('/api/auth/setup', { method: 'POST', body: input }))

export const signOut = (): Promise<unknown> => api('/api/auth/session', { method: 'DELETE' })

export const changePassword = (input: NewPasswordInput): Promise<unknown> =>
  api('/api/auth/password', { method: 'POST', body: input })

function taken(session: SessionState): SessionState {
  setCsrfToken(session.csrf_token)
  return session
}

/** Of a page inside the shell, which shows itself to those who are signed in only. */
export function useSession(): SessionState {
  const { data } = useQuery(sessionQuery)
  if (!data) throw new Error('useSession is for pages inside the shell')
  return data
}

/** Whether the user has at least this role in the project. What has no controls here is refused by the server too. */
export const may = (session: SessionState, need: Role, projectSlug: string): boolean =>
  session.is_admin || RANK[session.roles[projectSlug] ?? 'viewer'] >= RANK[need]

export const roleIn = (session: SessionState, projectSlug: string): Role =>
  session.is_admin ? 'admin' : (session.roles[projectSlug] ?? 'viewer')
