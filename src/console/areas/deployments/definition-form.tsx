import { Accordion, Group, Select, SimpleGrid, Stack, Switch, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ComponentProps } from 'react'
import { useProject } from '../../api/projects.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { modelsQuery } from '../models/api.ts'
import { having, NumberField, TextField, unlessBare } from '../services/fields.tsx'
import { CommandField } from './command-field.tsx'
import { type Definition, type EditorProps, kindOf } from './definition.ts'
import { VariablesField } from './variables-field.tsx'

/** The usual fields of a definition. */
export function DefinitionForm(props: EditorProps) {
  switch (kindOf(props.definition)) {
    case 'command':
      return <CommandForm {...props} />
    case 'upstream':
      return <UpstreamForm {...props} />
    default:
      return <ModelForm {...props} />
  }
}

/** What the inputs of a definition's fields need. */
function inputsOf({ definition, onChange, errors }: EditorProps) {
  return <Field extends keyof Definition>(field: Field) => ({
    value: definition[field],
    onChange: (value: Definition[Field]) => onChange(having(definition, { [field]: value })),
    error: errors[field],
  })
}

function CommandForm(props: EditorProps) {
  const { definition, onChange, errors } = props
  const input = inputsOf(props)
  return (
    <Stack gap="md">
      <CommandField {...input('command')} />
      <TextField label={t.cwd} description={t.cwdHint} {...input('cwd')} placeholder="/srv/app" />
      <TextField label={t.health} description={t.healthHint} {...input('health')} placeholder="/health" />
      <Group gap="xl" align="flex-start">
        <Switch
          label={t.alwaysOn}
          description={t.alwaysOnHint}
          checked={definition.min_instances === 1}
          onChange={event =>
            onChange(having(definition, { min_instances: event.currentTarget.checked ? 1 : undefined }))
          }
          flex="1 1 260px"
        />
        <NumberField label={t.replicas} {...input('replicas')} max={64} w={120} placeholder="1" />
      </Group>
      <VariablesField
        names={props.envNames}
        changes={definition.env ?? {}}
        onChange={env => onChange(having(definition, { env: unlessBare(env) }))}
        error={errors.env}
      />
      <Advanced errors={errors} fields={ADVANCED_OF_COMMANDS}>
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="md">
          <SecondsField label={t.startTimeout} description={t.startTimeoutHint} {...input('start_timeout_seconds')} />
          <SecondsField label={t.idleSeconds} description={t.idleSecondsHint} {...input('idle_seconds')} />
          <SecondsField label={t.drain} description={t.drainHint} {...input('drain_seconds')} />
          <SecondsField label={t.timeout} description={t.timeoutHint} {...input('timeout_seconds')} />
          <SecondsField
            label={t.healthInterval}
            description={t.healthIntervalHint}
            {...input('health_interval_seconds')}
          />
          <NumberField label={t.memory} description={t.memoryHint} {...input('memory_mb')} />
          <NumberField label={t.cpus} description={t.cpusHint} {...input('cpus')} />
          <TextField label={t.user} description={t.userHint} {...input('user')} />
        </SimpleGrid>
        <PassAuthorization {...props} />
      </Advanced>
    </Stack>
  )
}

const ADVANCED_OF_COMMANDS = [
  'start_timeout_seconds',
  'idle_seconds',
  'drain_seconds',
  'timeout_seconds',
  'health_interval_seconds',
  'memory_mb',
  'cpus',
  'user',
]

function UpstreamForm(props: EditorProps) {
  const { definition, onChange, errors } = props
  const input = inputsOf(props)
  return (
    <Stack gap="md">
      <TextField
        label={t.upstreamField}
        description={t.upstreamHint}
        {...input('upstream')}
        onChange={(upstream = '') => onChange(having(definition, { upstream }))}
        placeholder="https://models.internal:8443/v1"
        required
      />
      <TextField label={t.health} description={t.healthHintUpstream} {...input('health')} />
      <Advanced errors={errors} fields={ADVANCED_OF_UPSTREAMS}>
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="md">
          <SecondsField
            label={t.connectTimeout}
            description={t.connectTimeoutHint}
            {...input('connect_timeout_seconds')}
          />
          <SecondsField label={t.timeout} description={t.timeoutHint} {...input('timeout_seconds')} />
          <NumberField label={t.retries} description={t.retriesHint} {...input('retries')} min={0} max={5} />
        </SimpleGrid>
        <Textarea
          label={t.ca}
          description={t.caHint}
          value={definition.ca ?? ''}
          onChange={event => onChange(having(definition, { ca: event.currentTarget.value || undefined }))}
          error={errors.ca}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
          spellCheck={false}
        />
        <PassAuthorization {...props} />
      </Advanced>
    </Stack>
  )
}

const ADVANCED_OF_UPSTREAMS = ['connect_timeout_seconds', 'timeout_seconds', 'retries', 'ca']

/** Half a second is one, too. */
const SecondsField = (props: Omit<ComponentProps<typeof NumberField>, 'min' | 'decimals'>) => (
  <NumberField {...props} min={0} decimals />
)

const ACTIVE = ''

function ModelForm({ definition, onChange, errors }: EditorProps) {
  const { project_id } = useProject()
  const { data: models } = useQuery(modelsQuery(project_id))
  const { model: name, model_id, version } = definition
  const model = models?.find(known => known.name === name)
  const names = new Set(models?.map(known => known.name))
  if (name) names.add(name)
  const choose = (chosen: string | null) => {
    if (chosen) onChange(having(definition, { model: chosen, model_id: undefined, version: undefined }))
  }
  return (
    <Group gap="sm" align="flex-start" grow preventGrowOverflow={false}>
      <Select
        label={t.modelField}
        description={models?.length === 0 ? t.noModels : model_id === undefined ? undefined : t.modelById(model_id)}
        data={[...names]}
        value={name || null}
        onChange={choose}
        error={errors.model}
        required={model_id === undefined}
        searchable
        w={220}
      />
      {model_id === undefined && (
        <Select
          label={t.version}
          data={[
            { value: ACTIVE, label: t.activeVersion },
            ...(model?.versions ?? []).map(known => ({ value: String(known.version), label: String(known.version) })),
          ]}
          value={version === undefined ? ACTIVE : String(version)}
          onChange={chosen => onChange(having(definition, { version: chosen ? Number(chosen) : undefined }))}
          w={220}
        />
      )}
    </Group>
  )
}

const PassAuthorization = ({ definition, onChange }: EditorProps) => (
  <Switch
    label={t.passAuthorization}
    description={t.passAuthorizationHint}
    checked={definition.pass_authorization ?? false}
    onChange={event => onChange(having(definition, { pass_authorization: event.currentTarget.checked || undefined }))}
  />
)

interface AdvancedProps {
  errors: Record<string, string>
  /** what is in it: it opens where one of them was refused */
  fields: string[]
  children: React.ReactNode
}

function Advanced({ errors, fields, children }: AdvancedProps) {
  const isRefused = fields.some(field => field in errors)
  return (
    <Accordion
      variant="contained"
      defaultValue={null}
      key={String(isRefused)}
      {...(isRefused ? { defaultValue: 'more' } : {})}
    >
      <Accordion.Item value="more">
        <Accordion.Control>{t.advanced}</Accordion.Control>
        <Accordion.Panel>
          <Stack gap="md">{children}</Stack>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  )
}
