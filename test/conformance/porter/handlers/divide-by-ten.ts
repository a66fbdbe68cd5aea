// The preprocessor of the recorded "iris-pipeline". As in Python, what is not there or no number cannot be divided.
import type { Before } from 'callgate'

const COLUMNS = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']

const before: Before = ({ rows }) => rows.map(row => Object.fromEntries(COLUMNS.map(name => [name, tenth(row[name])])))

function tenth(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError('a number is needed')
  return value / 10
}

export default before
