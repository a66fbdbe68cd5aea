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
  Text,
} from '@mantine/core'
import { randomId } from '@mantine/hooks'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { keys as t } from '../../texts/keys.ts'
import type { KeyForm } from './use-key-form.ts'

/** Conditions on rows: each a column and the values that it may have. @param columns that there are, as far as is known */
export function ScopeEditor({ form, columns }: { form: KeyForm; columns: string[] }) {
  const [typing, setTyping] = useState<string>()
  const isUnknown = (id: string, column: string) =>
    column !== '' &&
    columns.length > 0 &&
    !columns.some(name => (id === typing ? name.startsWith(column) : name === column))
  const add = () => form.insertListItem('scope', { id: randomId(), column: '', values: [], orNull: false })
  return (
    <Input.Wrapper label={t.scope} labelElement="div" description={t.scopeHint} error={form.errors.scope}>
      <Stack gap="xs" mt={6}>
        {form.values.scope.map(({ id, column }, index) => (
          <Paper key={id} p="xs">
            <Group align="flex-start" gap="xs" wrap="nowrap">
              <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs" flex={1}>
                <Stack gap={6}>
                  <Autocomplete
                    label={t.scopeColumn}
                    size="sm"
                    data={columns}
                    limit={200}
                    spellCheck={false}
                    {...form.getInputProps(`scope.${index}.column`)}
                    onFocus={() => setTyping(id)}
                    onBlur={() => setTyping(undefined)}
                  />
                  <Text size="xs" c="var(--mantine-color-yellow-light-color)" role="status">
                    {isUnknown(id, column.trim()) && t.scopeUnknown(column.trim())}
                  </Text>
                </Stack>
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
