import {
  Alert,
  Button,
  Collapse,
  JsonInput,
  MultiSelect,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { useState } from 'react'
import { pretty } from '../../api/exact-json.ts'
import type { Problem } from '../../api/http.ts'
import { models } from '../../texts/models.ts'
import { testPane as t } from '../../texts/test-pane.ts'
import { rowOf } from '../models/rows.ts'
import type { CallShape, Parameter } from './shape.ts'
import { bodyOf, type TestInput } from './test-input.ts'

interface InputFieldsProps {
  kind: string
  shape: CallShape
  input: TestInput
  /** what the last run was refused with */
  problem: Problem | undefined
  /** the body is not JSON */
  unusable: boolean
  onChange: (change: Partial<TestInput>) => void
}

/** A form of what the endpoint takes. */
export function InputFields(props: InputFieldsProps) {
  const { kind, shape } = props
  if (!shape.takesBody && shape.parameters.length > 0) return <ParameterFields {...props} />
  if (kind === 'model' && shape.features) return <ModelFields {...props} />
  return <FunctionFields {...props} />
}

function ParameterFields({ shape, input, problem, onChange }: InputFieldsProps) {
  const [opened, { toggle }] = useDisclosure(shape.parameters.length <= 8)
  const field = (parameter: Parameter) => (
    <ParameterField
      key={parameter.name}
      parameter={parameter}
      value={input.values[parameter.name] ?? []}
      error={problem && isAbout(problem, parameter.name) ? problem.message : undefined}
      onChange={value => onChange({ values: { ...input.values, [parameter.name]: value } })}
    />
  )
  const [required, optional] = [
    shape.parameters.filter(parameter => parameter.required),
    shape.parameters.filter(parameter => !parameter.required),
  ]
  return (
    <Stack gap="sm">
      {required.map(field)}
      <Button
        variant="subtle"
        color="gray"
        size="xs"
        onClick={toggle}
        aria-expanded={opened}
        style={{ alignSelf: 'flex-start' }}
        leftSection={opened ? <IconChevronDown size={14} /> : <IconChevronRight size={14} />}
      >
        {`${t.optional} (${optional.length})`}
      </Button>
      <Collapse expanded={opened}>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" style={{ alignItems: 'end' }}>
          {optional.map(field)}
        </SimpleGrid>
      </Collapse>
    </Stack>
  )
}

/** The server's sentences name the parameter that they are about. */
const isAbout = ({ message }: Problem, name: string) => ` ${message} `.split(/[\s:]+/).includes(name)

interface ParameterFieldProps {
  parameter: Parameter
  value: string[]
  error: string | undefined
  onChange: (value: string[]) => void
}

function ParameterField({ parameter, value, error, onChange }: ParameterFieldProps) {
  const { name, type, required, many, choices, description, fallback, example } = parameter
  const about = [description, many ? t.several : '', fallback === undefined ? '' : t.fallback(fallback)]
  const common = {
    label: `${name}`,
    description: about.filter(Boolean).join(' ') || undefined,
    error,
    withAsterisk: required,
  }
  const placeholder = example ?? (choices ? t.notSet : type)
  if (choices && many)
    return (
      <MultiSelect
        {...common}
        data={choices}
        value={value}
        onChange={onChange}
        placeholder={value.length ? '' : placeholder}
        size="sm"
        clearable
      />
    )
  if (many)
    return (
      <TagsInput
        {...common}
        value={value}
        onChange={onChange}
        placeholder={value.length ? '' : placeholder}
        acceptValueOnBlur
        splitChars={['\n']}
        size="sm"
      />
    )
  if (choices || type === 'boolean')
    return (
      <Select
        {...common}
        data={choices ?? ['true', 'false']}
        value={value[0] ?? null}
        onChange={one => onChange(one === null ? [] : [one])}
        placeholder={t.notSet}
        clearable
      />
    )
  return (
    <TextInput
      {...common}
      value={value[0] ?? ''}
      onChange={event => onChange(event.currentTarget.value === '' ? [] : [event.currentTarget.value])}
      placeholder={placeholder}
      spellCheck={false}
      autoComplete="off"
    />
  )
}

function ModelFields({ shape, input, problem, unusable, onChange }: InputFieldsProps) {
  const features = shape.features ?? []
  const [cannotShow, setCannotShow] = useState(false)
  const toJson = () => onChange({ asJson: true, json: pretty(bodyOf(shape, input)!) })
  const toForm = () => {
    const row = rowOf(features, input.json)
    setCannotShow(!row)
    if (row) onChange({ asJson: false, features: row })
  }
  const change = (changed: Partial<TestInput>) => {
    setCannotShow(false)
    onChange(changed)
  }
  return (
    <Stack gap="sm">
      <SegmentedControl
        size="xs"
        style={{ alignSelf: 'flex-start' }}
        aria-label={t.features}
        data={[
          { value: 'form', label: t.form },
          { value: 'json', label: t.json },
        ]}
        value={input.asJson ? 'json' : 'form'}
        onChange={value => (value === 'json' ? toJson() : toForm())}
      />
      {cannotShow && (
        <Alert color="yellow" role="alert">
          {models.onlyOneRow}
        </Alert>
      )}
      {input.asJson ? (
        <BodyField input={input} unusable={unusable} onChange={change} />
      ) : (
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          {features.map(({ name, type, shape: dims }) => (
            <TextInput
              key={name}
              label={name}
              description={dims.length > 0 ? `${type} [${dims.map(size => size ?? '?').join(', ')}]` : type}
              value={input.features[name] ?? ''}
              error={problem?.errors.find(({ feature }) => feature === name)?.message}
              onChange={event => onChange({ features: { ...input.features, [name]: event.currentTarget.value } })}
              spellCheck={false}
              autoComplete="off"
            />
          ))}
        </SimpleGrid>
      )}
    </Stack>
  )
}

function FunctionFields({ shape, input, unusable, onChange }: InputFieldsProps) {
  return (
    <Stack gap="sm">
      {shape.takesBody ? (
        <BodyField input={input} unusable={unusable} onChange={onChange} />
      ) : (
        <Text size="sm" c="dimmed">
          {t.noParameters}
        </Text>
      )}
      <TextInput
        label={t.query}
        description={t.queryHint}
        value={input.query}
        onChange={event => onChange({ query: event.currentTarget.value })}
        spellCheck={false}
        autoComplete="off"
      />
    </Stack>
  )
}

const BodyField = ({ input, unusable, onChange }: Pick<InputFieldsProps, 'input' | 'unusable' | 'onChange'>) => (
  <JsonInput
    label={t.body}
    value={input.json}
    onChange={json => onChange({ json })}
    error={unusable ? t.notJson : undefined}
    autosize
    minRows={6}
    maxRows={20}
    size="sm"
    spellCheck={false}
    styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
  />
)
