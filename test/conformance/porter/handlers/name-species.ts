// The postprocessor of the recorded "iris-pipeline".
import type { After } from 'callgate'

const SPECIES = ['setosa', 'versicolor', 'virginica']

const after: After = ({ predictions }) => predictions.map(index => ({ label: SPECIES[index], class: index }))

export default after
