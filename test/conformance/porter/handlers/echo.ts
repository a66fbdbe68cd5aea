// The recorded custom service "echo".
import type { Handler } from 'callgate'

const handler: Handler = (request, host) => {
  if (request.method === 'GET') return { kind: 'custom', methods: ['GET', 'POST', 'PUT'] }
  if (request.method === 'PUT') return [1, 2.5, null, true, 'é']
  const { body } = request
  if (body.teapot) throw host.error(418, ['short and stout', 'second message'], { name: 'PorterException' })
  if (body.fail) throw new Error('as it was asked to')
  return { echo: body }
}

export default handler
