// A model server in ten lines: text in, a prediction out. `request_schema` in the manifest has said that there is a text.
import type { Handler } from 'callgate'

const GOOD = /\b(good|great|excellent|love|wonderful)\b/i

const predict: Handler<{ text: string }> = ({ body }, host) => {
  const prediction = GOOD.test(body.text) ? 'positive' : 'negative'
  host.log(prediction, body.text.length, 'characters')
  return { input: body.text, prediction }
}

export default predict
