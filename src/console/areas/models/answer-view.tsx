import { Code, Group, Paper, Progress, Stack, Text, Title } from '@mantine/core'
import { exactJson, pretty } from '../../api/exact-json.ts'
import { common } from '../../texts/common.ts'
import { models as t } from '../../texts/models.ts'
import { CodeSample } from '../../ui/code-sample.tsx'

interface Answer {
  predictions?: unknown[]
  /** null: the model's own is NaN */
  probabilities?: Record<string, number | null>[]
}

const MOST_CLASSES = 12

/** What a model answered: the first row's prediction in large, and all of it as it came. */
export function AnswerView({ answer: { text, milliseconds } }: { answer: { text: string; milliseconds: number } }) {
  const { predictions = [], probabilities = [] } = exactJson(text) as Answer
  const classes = Object.entries(probabilities[0] ?? {})
    .sort(([, a], [, b]) => (b ?? 0) - (a ?? 0))
    .slice(0, MOST_CLASSES)
  return (
    <Stack gap="md" role="status" aria-label={t.answer}>
      <Paper>
        <Group justify="space-between" align="flex-start">
          <div>
            <Text size="sm" c="dimmed">
              {t.prediction}
            </Text>
            <Text fw={600} size="xl" style={{ overflowWrap: 'anywhere' }}>
              {predictions.slice(0, 5).map(shown).join(', ')}
              {predictions.length > 5 && ', …'}
            </Text>
          </div>
          <Code>{t.answeredIn(milliseconds)}</Code>
        </Group>
        {classes.length > 0 && (
          <Stack gap={6} mt="md">
            <Text size="sm" c="dimmed">
              {t.probabilities}
            </Text>
            {classes.map(([label, probability]) => (
              <Group key={label} gap="sm" wrap="nowrap">
                <Text size="sm" w={110} truncate title={label}>
                  {label}
                </Text>
                <Progress value={(probability ?? 0) * 100} style={{ flex: 1 }} aria-label={label} />
                <Text size="sm" w={52} ta="right" className="tabular">
                  {probability === null ? common.none : `${(probability * 100).toFixed(1)} %`}
                </Text>
              </Group>
            ))}
          </Stack>
        )}
      </Paper>
      <Stack gap="sm">
        <Title order={2}>{t.rawAnswer}</Title>
        <CodeSample label={t.rawAnswer} samples={[{ language: 'JSON', code: pretty(text) }]} />
      </Stack>
    </Stack>
  )
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
