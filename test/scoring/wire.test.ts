import { expect, test } from 'bun:test'
import { Fault } from '../../src/lib/fault.ts'
import { packAnswers, unpackAnswers } from '../../src/scoring/wire.ts'
import { asSent } from '../../src/workers/frames.ts'

test('answers that travel together are told apart, whatever is written in them', () => {
  const answers = [
    '{"predictions":["é"]}',
    '{"predictions":["日本","😀"]}',
    '{"predictions":[0]}',
    '{"predictions":["\\ud800"]}',
  ]
  const refusal = asSent(new Fault(422, 'unacceptable_rows', 'É is missing.'))
  const packed = Buffer.concat(packAnswers([answers[0]!, answers[1]!, refusal, answers[2]!, answers[3]!]))
  const [first, second, refused, third, fourth] = unpackAnswers(new Uint8Array(packed))
  expect([first, second, third, fourth] as unknown[]).toEqual(answers)
  expect(refused).toBeInstanceOf(Fault)
  expect((refused as Fault).message).toBe('É is missing.')
})
