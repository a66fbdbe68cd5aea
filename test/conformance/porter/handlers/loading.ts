// The recorded custom service "slow", which says that it is loading and serves all the same.
import type { Handler } from 'callgate'

const handler: Handler = request => ({ echo: request.body })

export default handler
