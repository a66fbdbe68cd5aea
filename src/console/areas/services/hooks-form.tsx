import { Button, Group, Paper, Stack, Text } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import type { ModelEndpoint } from '../../../catalog/service-config.ts'
import { parts as t } from '../../texts/endpoint-parts.ts'
import { type FormProps, having, RemoveButton, useEdits } from './fields.tsx'
import { HandlerFields } from './handler-fields.tsx'
import { Part } from './part.tsx'

type Hook = keyof typeof t.hookNames

const BEGINNINGS: Record<Hook, string> = {
  check: `import type { Check } from 'callgate'

const check: Check = ({ rows }, host) => {
  if (rows.length > 1000) throw host.error(422, 'at most 1000 rows')
}
export default check
`,
  before: `import type { Before } from 'callgate'

const before: Before = ({ rows }) => rows.map(row => ({ ...row }))

export default before
`,
  after: `import type { After } from 'callgate'

const after: After = ({ predictions }) => predictions.map(prediction => ({ prediction }))

export default after
`,
}

const HOOKS = Object.keys(t.hookNames) as Hook[]

/** The author's code before and after a model. */
export function HooksForm({ endpoint, onChange }: FormProps<ModelEndpoint>) {
  const edits = useEdits()
  const absent = HOOKS.filter(hook => endpoint[hook] === undefined)
  return (
    <Part title={t.hooks} about={t.hooksAbout}>
      {HOOKS.map(hook => {
        const config = endpoint[hook]
        if (!config) return null
        return (
          <Paper key={hook} component="fieldset" aria-label={t.hookNames[hook]} m={0} miw={0} p="sm">
            <Group justify="space-between" wrap="nowrap" align="flex-start">
              <Text size="xs" c="dimmed">
                {t.hookAbout[hook]}
              </Text>
              {edits && (
                <RemoveButton
                  what={t.hookNames[hook]}
                  onClick={() => onChange(having(endpoint, { [hook]: undefined }))}
                />
              )}
            </Group>
            <HandlerFields
              label={t.hookNames[hook]}
              member={hook}
              handler={config}
              onChange={change => onChange(having(endpoint, { [hook]: having(config, change) }))}
              endpoint={endpoint.id}
              minHeight={140}
            />
          </Paper>
        )
      })}
      {edits && absent.length > 0 && (
        <Stack gap={8}>
          {absent.map(hook => (
            <Group key={hook} gap="sm">
              <Button
                size="xs"
                variant="default"
                leftSection={<IconPlus size={14} />}
                onClick={() => onChange(having(endpoint, { [hook]: { handler: BEGINNINGS[hook] } }))}
              >
                {t.addHook(t.hookNames[hook].toLowerCase())}
              </Button>
              <Text size="xs" c="dimmed">
                {t.hookAbout[hook]}
              </Text>
            </Group>
          ))}
        </Stack>
      )}
    </Part>
  )
}
