export const auth = {
  signInTitle: 'Sign in',
  username: 'Username',
  password: 'Password',
  token: 'Token',
  tokenHint: 'The administrator’s token that was printed at the first start, or any hf_ token of yours.',
  signIn: 'Sign in',
  withPassword: 'With password',
  withToken: 'With token',
  setupTitle: 'Set up Callgate',
  setupText:
    'Create the administrator. The server printed a token when it was first started: it shows that the server is yours.',
  setupToken: 'Token that the server printed',
  setupTokenHint: 'It begins with hf_. With CALLGATE_ADMIN_TOKEN set, it is that one.',
  setupPasswordHint: 'At least 10 characters.',
  createAdministrator: 'Create administrator',
  tokenInstead: 'Only sign in with the token',
  setupInstead: 'Create an administrator with a password',
} as const
