import { compileRowSchema } from '../endpoints/row-schema.ts'
import { recipeOf, rowsForm } from '../scoring/answer.ts'
import { serveBodies } from '../scoring/body-server.ts'
import { compileCodec } from '../scoring/codec.ts'
import { inferForm } from './open-inference/infer.ts'
import { predictForm } from './open-inference/predict.ts'
import { porterForm } from './porter/form.ts'

/** Large bodies of all doors, read and answered: what a body process does. */
serveBodies([rowsForm, predictForm, inferForm, porterForm], text => {
  const { modelId, metadata, features, options, schema } = recipeOf(text)
  return {
    id: modelId,
    metadata,
    codec: compileCodec(metadata, features, options),
    checksRows: schema !== undefined,
    check: compileRowSchema(schema),
  }
})
