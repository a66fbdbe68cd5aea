/** The page that shows an app's document: self-contained, under the names that porter's own page has. */
import { notFound } from '../../lib/fault.ts'
import type { AppView } from './app.ts'
import style from './docs-page.css.txt' with { type: 'text' }
import script from './docs-page.js.txt' with { type: 'text' }

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"

export function docsPage({ docs, title }: AppView): Response {
  const { assets, json } = docs!
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title ?? 'API')}</title>
<link rel="stylesheet" href="${assets}swagger-ui.css">
</head>
<body>
<main id="docs" data-document="${json}"><p>Loading the document.</p></main>
<script src="${assets}swagger-ui-bundle.js"></script>
</body>
</html>
`
  return text(page, 'text/html')
}

/** @throws Fault 404 */
export function docsAsset(name: string): Response {
  if (name === 'swagger-ui.css') return text(style, 'text/css')
  if (name === 'swagger-ui-bundle.js') return text(script, 'text/javascript')
  throw notFound('There is no such file.')
}

const text = (body: string, type: string) =>
  new Response(body, {
    headers: {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
    },
  })

const escaped = (value: string) => value.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`)
