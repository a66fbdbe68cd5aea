/** The one HTML page of the console, and what a browser may do on it. */

/** Before anything is painted: the colour scheme that was chosen, so that a dark console does not flash white. */
const SCHEME = `try{var c=localStorage.getItem("callgate-color-scheme")}catch(e){}document.documentElement.dataset.mantineColorScheme=c==="dark"||c==="light"?c:matchMedia("(prefers-color-scheme: dark)").matches?"dark":"light"`
const SCHEME_HASH = new Bun.CryptoHasher('sha256').update(SCHEME).digest('base64')

const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0f766e"/><path d="M9 24V14a7 7 0 0 1 14 0v10M16 24v-8" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>',
)}`

/** `nonce` is for style elements only: scripts are files of this server, and the one above by its hash. */
export const policy = (nonce: string): string =>
  [
    "default-src 'none'",
    `script-src 'self' 'sha256-${SCHEME_HASH}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

export const page = ({
  entry,
  styles,
  nonce,
}: {
  entry: string
  styles: string[]
  nonce: string
}): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Callgate</title>
<link rel="icon" href="${ICON}">
<script>${SCHEME}</script>
${styles.map(href => `<link rel="stylesheet" href="${href}">`).join('\n')}
<script type="module" src="${entry}" nonce="${nonce}"></script>
</head>
<body>
<div id="root"></div>
<noscript>The console needs JavaScript.</noscript>
</body>
</html>
`
