import { useQuery } from '@tanstack/react-query'
import { useProject } from '../../api/projects.ts'
import type { Sample } from '../../ui/code-sample.tsx'
import { httpSamples } from '../keys/samples.ts'
import { shapeOf } from '../keys/shape.ts'
import { modelsQuery } from '../models/api.ts'
import type { DeploymentRow } from './api.ts'
import { definitionOf } from './definition.ts'

/** A call as code: of a model a prediction, of a server its root. */
export function useCallSamples(deployment: DeploymentRow): Sample[] {
  const { project_id } = useProject()
  const isModel = deployment.kind === 'model'
  const { data: models = [] } = useQuery({ ...modelsQuery(project_id), enabled: isModel })
  const { name, endpoint_url } = deployment
  if (!isModel) return httpSamples({ method: 'GET', url: `${endpoint_url}/`, query: [], answersText: true })
  const { model, model_id } = definitionOf(deployment)
  const { body } = shapeOf({ id: name, kind: 'model', model, model_id }, { datasets: [], models })
  const { features = {} } = (body ?? {}) as { features?: object }
  return httpSamples({
    method: 'POST',
    url: `${endpoint_url}/v1/models/${name}:predict`,
    query: [],
    body: { instances: [features] },
  })
}
