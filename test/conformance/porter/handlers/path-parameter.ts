// The recorded custom service "lookup": its path has a parameter.
import type { Handler } from 'callgate'

const handler: Handler = request => ({ key: request.params.key })

export default handler
