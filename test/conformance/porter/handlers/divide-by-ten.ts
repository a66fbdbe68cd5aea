// The preprocessor of the recorded "iris-pipeline".
const COLUMNS = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']

export default ({ rows }) => rows.map(row => Object.fromEntries(COLUMNS.map(name => [name, row[name] / 10])))
