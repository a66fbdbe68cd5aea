import { existsSync } from 'node:fs'
import type { InferenceSession } from 'onnxruntime-node'
import { Fault } from '../lib/fault.ts'
import { asSent } from '../workers/frames.ts'
import { loadOnnxruntime } from '../workers/native.ts'
import { serveParent } from '../workers/serve.ts'
import { answerBody, answerRows, type CompiledRecipe, compileRecipe } from './answer.ts'
import { fittingJson } from './answer-size.ts'
import { Gathering } from './gathering.ts'
import { type InspectRequest, inspectFile } from './inspect.ts'
import { openSession, prepareRuntime, run } from './session.ts'
import type { Tensors } from './tensors.ts'
import { type ChildInit, type LoadRequest, packAnswers, packTensors, type SentRecipe, unpackRequest } from './wire.ts'

const MAX_RECIPES = 1000

/** The child's side of scoring: what a scoring process answers. Sessions are kept by the hash of their file. */
serveParent(async (init: ChildInit) => {
  const runtime = await prepareRuntime(loadOnnxruntime)
  const sessions = new Map<string, Promise<InferenceSession>>()
  const recipes = new Map<number, CompiledRecipe>()

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

  function recipeOf({ id, text }: SentRecipe): CompiledRecipe {
    let recipe = recipes.get(id)
    if (!recipe) {
      recipe = compileRecipe(text)
      if (recipes.size >= MAX_RECIPES) recipes.clear()
      recipes.set(id, recipe)
    }
    return recipe
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
      const request = unpackRequest(payload)
      const opened = await session(request.model)
      if (request.recipe === undefined) {
        const { runs, outputs } = request
        const fitting = runs.length > 1 ? fittingJson() : (answer: Tensors) => answer
        const answers: Tensors[] = []
        for (const feeds of runs) answers.push(fitting(await run(runtime, opened, feeds, outputs)))
        return packTensors(answers)
      }
      const recipe = recipeOf(request.recipe)
      if (request.feeds) {
        const outputs = await run(runtime, opened, request.feeds, recipe.codec.outputs)
        return packAnswers(answerRows(outputs, request.counts, recipe))
      }
      const gathering = new Gathering(
        (feeds, outputs) => run(runtime, opened, feeds, outputs),
        recipe.independentRows ? (init.maxBatchRows ?? 1) : 1,
      )
      const answers = request.bodies.map(body => answerBody(body, recipe, gathering.score).catch(asSent))
      await gathering.flush()
      return packAnswers(await Promise.all(answers))
    },
  }
})
