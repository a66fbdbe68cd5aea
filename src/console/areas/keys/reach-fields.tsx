import { Alert, Fieldset, Stack, Switch, TagsInput, Text } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { keys as t } from '../../texts/keys.ts'
import { services } from '../../texts/services.ts'
import { CheckList } from './check-list.tsx'
import type { KeyChoices } from './key-choices.ts'
import type { KeyForm } from './use-key-form.ts'

/** Which endpoints, services and deployments a key reaches. What it has that is no longer there stays in sight. */
export function ReachFields({ form, choices }: { form: KeyForm; choices: KeyChoices }) {
  return (
    <Fieldset legend={t.reach}>
      <Stack gap="md">
        {choices.services ? <OfProject form={form} choices={choices} /> : <OfService form={form} choices={choices} />}
        {choices.methods.length > 0 && (
          <CheckList
            form={form}
            field="methods"
            label={t.methods}
            hint={t.methodsHint}
            items={choices.methods.map(value => ({ value, label: value }))}
          />
        )}
      </Stack>
    </Fieldset>
  )
}

function OfService({ form, choices: { endpoints } }: { form: KeyForm; choices: KeyChoices }) {
  const chosen = form.values.endpoints
  const gone = chosen.filter(id => !endpoints.some(endpoint => endpoint.id === id))
  return (
    <>
      {endpoints.length + gone.length > 0 && (
        <CheckList
          form={form}
          field="endpoints"
          label={t.endpoints}
          hint={t.endpointsHint}
          items={[
            ...endpoints.map(({ id, kind }) => ({ value: id, label: id, about: services.kinds[kind].name })),
            ...gone.map(id => ({ value: id, label: t.gone(id) })),
          ]}
        />
      )}
      {chosen.length === 0 && (
        <ReachesAll text={endpoints.length === 0 ? t.noEndpoints : t.noneChecked(endpoints.length)} />
      )}
    </>
  )
}

/** More are found by typing. */
const MOST_PROPOSED = 200

function OfProject({
  form,
  choices: { services = [], deployments, endpoints },
}: {
  form: KeyForm
  choices: KeyChoices
}) {
  const { services: chosen, endpoints: single, deployments: chosenDeployments } = form.values
  const titles = new Map(services.map(({ key, title }) => [key, title]))
  const all = [...titles.keys(), ...chosen.filter(key => !titles.has(key))]
  const allDeployments = [...new Set([...deployments, ...chosenDeployments])]
  const beyond = endpoints.map(({ id }) => id).filter(id => !chosen.some(key => id.startsWith(`${key}.`)))
  return (
    <>
      {all.length > 0 ? (
        <CheckList
          form={form}
          field="services"
          label={t.services}
          hint={t.servicesHint}
          items={all.map(value => ({ value, label: value, about: titles.get(value) }))}
        />
      ) : (
        <Text size="sm" c="dimmed">
          {t.noServices}
        </Text>
      )}
      <TagsInput
        label={t.singleEndpoints}
        description={t.singleEndpointsHint}
        data={beyond}
        limit={MOST_PROPOSED}
        clearable
        clearButtonProps={{ 'aria-label': t.singleEndpoints }}
        acceptValueOnBlur
        {...form.getInputProps('endpoints')}
      />
      {allDeployments.length > 0 && (
        <CheckList
          form={form}
          field="deployments"
          label={t.deployments}
          items={allDeployments.map(value => ({ value, label: value }))}
        />
      )}
      {chosen.length + single.length + chosenDeployments.length === 0 && <ReachesAll text={t.nothingChosen} />}
      <Switch
        label={t.manageModels}
        description={t.manageModelsHint}
        {...form.getInputProps('manageModels', { type: 'checkbox' })}
      />
    </>
  )
}

const ReachesAll = ({ text }: { text: string }) => (
  <Alert color="yellow" icon={<IconInfoCircle size={18} />} py="xs">
    {text}
  </Alert>
)
