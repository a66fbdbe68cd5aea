/** The page's nonce for style elements, which its Content-Security-Policy asks for. */
export const nonce = document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? ''
