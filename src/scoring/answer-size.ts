/** How much a model may answer to one call. */
import { Fault } from '../lib/fault.ts'
import { elementsIn, type Tensors } from './tensors.ts'

/** Numbers and texts of an answer in JSON: more would hold up the process that writes them, and everybody there, for seconds. */
const MOST_IN_JSON = 4_000_000
/** Of tensors: more is no answer to a call, and would fill the memory of the processes that it goes through. */
const MOST_BYTES = 256 * 1024 * 1024

/** @throws Fault 422 `answer_too_large` */
export function checkFitsJson(elements: number): void {
  if (elements <= MOST_IN_JSON) return
  const text = `The model answers ${elements} numbers or texts, and JSON has ${MOST_IN_JSON} at most here`
  throw new Fault(422, 'answer_too_large', `${text}: ask for binary tensors by the Open Inference Protocol.`)
}

/** Takes the answers that go out together, one after the other. @throws Fault 422 `answer_too_large` */
export function fittingJson(): (answer: Tensors) => Tensors {
  let elements = 0
  return answer => {
    elements += elementsIn(answer)
    checkFitsJson(elements)
    return answer
  }
}

/** @throws Fault 422 `answer_too_large` */
export function checkFits(bytes: number): void {
  if (bytes <= MOST_BYTES) return
  throw new Fault(422, 'answer_too_large', `The model answers more than ${MOST_BYTES >> 20} MiB to these values.`)
}
