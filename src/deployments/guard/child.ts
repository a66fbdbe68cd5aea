import { serveParent } from '../../workers/serve.ts'
import type { Ending, Program, Remark } from './program.ts'
import { Runner } from './runner.ts'

/**
 * The guard: the parent of all programs that deployments run. It is in a session of its own, so that what ends Callgate does
 * not end it; when Callgate is gone, however it went, it kills every process below it and ends.
 */
const runner = new Runner()
serveParent(
  () => ({
    run: (program: Program, progress) => runner.run(program, progress),
    end: ({ id, graceMs }: Ending) => runner.end(id, graceMs),
    remark: (remark: Remark) => runner.remark(remark),
  }),
  () => runner.endAll(),
)
