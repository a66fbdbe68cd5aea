// The postprocessor of the recorded "iris-pipeline".
const SPECIES = ['setosa', 'versicolor', 'virginica']

export default ({ predictions }) => predictions.map(index => ({ label: SPECIES[index], class: index }))
