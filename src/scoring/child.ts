import { existsSync } from 'node:fs'
import type { InferenceSession } from 'onnxruntime-node'
import { Fault } from '../lib/fault.ts'
import { loadOnnxruntime } from '../workers/native.ts'
import { serveParent } from '../workers/serve.ts'
import { type InspectRequest, inspectFile } from './inspect.ts'
import { openSession, prepareRuntime, run } from './session.ts'
import type { Tensors } from './tensors.ts'
import { packTensorsAlone, unpackRequest } from './wire.ts'

/** The child's side of scoring: what a scoring process answers. Sessions are kept by the hash of their file. */
export interface ChildInit {
  /** Threads inside one inference. */
  threads: number
}

export interface LoadRequest {
  sha256: string
  path: string
}

export interface ScoreRequest {
  model: LoadRequest
  feeds: Tensors
  /** Which outputs to compute and send back; all of them where it is absent. */
  outputs?: readonly string[]
}

serveParent(async (init: ChildInit) => {
  const runtime = await prepareRuntime(loadOnnxruntime)
  const sessions = new Map<string, Promise<InferenceSession>>()

  function session({ sha256, path }: LoadRequest): Promise<InferenceSession> {
    let opening = sessions.get(sha256)
    if (!opening) {
      opening = openSession(runtime, path, init.threads).catch(error => {
        sessions.delete(sha256)
        if (!existsSync(path)) throw new Fault(503, 'data_missing', "The model's file is missing on this server.")
        if (!(error instanceof Fault)) throw error
        // it loaded when it was added: what is wrong now is this server's
        throw new Fault(500, 'model_unloadable', 'The model could not be loaded on this server.')
      })
      sessions.set(sha256, opening)
    }
    return opening
  }

  return {
    ping: () => 'pong',
    /** resident bytes */
    memory: () => process.memoryUsage.rss(),
    inspect: (request: InspectRequest) => inspectFile(runtime, request, init.threads),
    load: async (model: LoadRequest) => {
      await session(model)
    },
    /** scores: packed as wire.ts says */
    exchange: async (payload: Uint8Array<ArrayBuffer>) => {
      const { model, feeds, outputs } = unpackRequest(payload)
      return packTensorsAlone(await run(runtime, await session(model), feeds, outputs))
    },
  }
})
