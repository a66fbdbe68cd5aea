import { giveWay, serveParent } from '../../workers/serve.ts'
import { runJob } from './job.ts'

/** The entry of `callgate worker import`: one process for each import, ended by its parent. */
giveWay()
serveParent(() => ({ import: runJob }))
