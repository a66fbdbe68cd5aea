// The preprocessor of the recorded "iris-pipeline".
import type { Before } from 'callgate'

const COLUMNS = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']

const before: Before = ({ rows }) => rows.map(row => Object.fromEntries(COLUMNS.map(name => [name, row[name] / 10])))

export default before
