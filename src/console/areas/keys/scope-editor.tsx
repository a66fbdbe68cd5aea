import {
  ActionIcon,
  Autocomplete,
  Button,
  Checkbox,
  Group,
  Input,
  Paper,
  SimpleGrid,
  Stack,
  TagsInput,
} from '@mantine/core'
import { randomId } from '@mantine/hooks'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { keys as t } from '../../texts/keys.ts'
import type { ColumnChoice } from './key-choices.ts'
import type { KeyForm } from './use-key-form.ts'

/** Conditions on rows: each a column and the values that it may have. */
export function ScopeEditor({ form, columns }: { form: KeyForm; columns: ColumnChoice[] }) {
  const names = columns.map(({ name }) => name).filter(name => !name.includes('.'))
  const add = () => form.insertListItem('scope', { id: randomId(), column: '', values: [], orNull: false })
  return (
    <Input.Wrapper label={t.scope} labelElement="div" description={t.scopeHint} error={form.errors.scope}>
      <Stack gap="xs" mt={6}>
        {form.values.scope.map(({ id, column }, index) => (
          <Paper key={id} p="xs">
            <Group align="flex-start" gap="xs" wrap="nowrap">
              <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs" flex={1}>
                <Autocomplete
                  label={t.scopeColumn}
                  size="sm"
                  data={names}
                  spellCheck={false}
                  {...form.getInputProps(`scope.${index}.column`)}
                />
                <Stack gap={6}>
                  <TagsInput
                    label={t.scopeValues}
                    size="sm"
                    acceptValueOnBlur
                    splitChars={['\n']}
                    {...form.getInputProps(`scope.${index}.values`)}
                  />
                  <Checkbox
                    size="xs"
                    label={t.scopeNull}
                    {...form.getInputProps(`scope.${index}.orNull`, { type: 'checkbox' })}
                  />
                </Stack>
              </SimpleGrid>
              <ActionIcon
                mt={24}
                aria-label={t.removeScope(column)}
                onClick={() => form.removeListItem('scope', index)}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </Group>
          </Paper>
        ))}
        <Group>
          <Button variant="default" size="xs" leftSection={<IconPlus size={14} />} onClick={add}>
            {t.addScope}
          </Button>
        </Group>
      </Stack>
    </Input.Wrapper>
  )
}
