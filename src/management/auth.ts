import { type Static, Type } from '@sinclair/typebox'
import { createToken, listTokens, revokeToken, rolesOf, type Token } from '../catalog/users.ts'
import { Title } from '../lib/shape.ts'
import { version } from '../lib/version.ts'
import { change, idOf, jsonBody, type ManagementContext, type SignedIn } from './context.ts'
import { json, list } from './respond.ts'
import { LIFETIME, sessionToken, signIn } from './session.ts'

const Login = Type.Object({ username: Type.String({ maxLength: 200 }), password: Type.String({ maxLength: 1000 }) })
const NewToken = Type.Object({
  /** '' is what Honeyframe's SDK sends where its user says none */
  name: Title(200),
  expires_days: Type.Optional(
    Type.Union([Type.Integer({ minimum: 0, maximum: 730 }), Type.Null()], {
      error: 'must be a whole number of days from 1 to 730, or 0 for never.',
    }),
  ),
})
export type NewTokenInput = Static<typeof NewToken>
const DEFAULT_DAYS = 90

/** `POST /api/auth/login`: no one is signed in yet. */
export async function login(context: ManagementContext, request: Request, address: string): Promise<Response> {
  const { username, password } = await jsonBody(context, request, Login, 'sign-in')
  const user = await signIn(context, username, password, address)
  return json({
    access_token: await sessionToken(context, user),
    token_type: 'bearer',
    expires_in: LIFETIME,
    must_reset_password: false,
  })
}

export const me = (context: ManagementContext, { user }: SignedIn): Response =>
  json({
    user_id: user.id,
    username: user.username,
    is_admin: user.isAdmin,
    roles: rolesOf(context.db, user.id),
  })

const about = { name: 'callgate', version }
export type InstanceRow = typeof about
export const instance = (): Response => json(about)

export async function mintToken(context: ManagementContext, request: Request, { userNow, actor }: SignedIn) {
  const { name, expires_days } = await jsonBody(context, request, NewToken)
  const days = expires_days ?? DEFAULT_DAYS
  const expiresAt = days === 0 ? null : new Date(Date.now() + days * 86_400_000).toISOString()
  const { token, secret } = change(context, userNow, (tx, user) =>
    createToken(tx, actor, user, { name: name || 'token', expiresAt }),
  )
  return json({ ...tokenRow(token), token: secret }, 201)
}

export const tokens = (context: ManagementContext, request: Request, { user }: SignedIn): Response =>
  list(request, listTokens(context.db, user.id).map(tokenRow), rows => ({ tokens: rows }))

export function endToken(context: ManagementContext, { userNow, actor }: SignedIn, id: string): Response {
  change(context, userNow, (tx, user) => revokeToken(tx, actor, user.id, idOf(id)))
  return json({ revoked: true })
}

const tokenRow = (token: Token) => ({
  id: token.id,
  name: token.name,
  prefix: token.prefix,
  last4: token.last4,
  created_at: token.createdAt,
  expires_at: token.expiresAt,
  last_used_at: token.lastUsedAt,
})
export type TokenRow = ReturnType<typeof tokenRow>
