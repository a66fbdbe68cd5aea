import { Box, Group, SegmentedControl, Stack } from '@mantine/core'
import { useState } from 'react'
import { CopyIcon } from './copy.tsx'

export interface Sample {
  /** e.g. `curl`, `Python`, `TypeScript` */
  language: string
  code: string
}

/** Code to be copied, in one language or in several to choose from. `label` says what it is. */
export function CodeSample({ samples, label }: { samples: Sample[]; label: string }) {
  const [language, setLanguage] = useState(samples[0]?.language)
  const shown = samples.find(sample => sample.language === language) ?? samples[0]
  if (!shown) return null
  return (
    <Stack gap={6}>
      {samples.length > 1 && (
        <Group justify="space-between">
          <SegmentedControl
            size="xs"
            aria-label={label}
            data={samples.map(sample => sample.language)}
            value={shown.language}
            onChange={setLanguage}
          />
        </Group>
      )}
      <Box pos="relative">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
        <section className="code-block" tabIndex={0} aria-label={label}>
          <pre>
            <code>{shown.code}</code>
          </pre>
        </section>
        <Box pos="absolute" top={5} right={5} className="over-code">
          <CopyIcon value={shown.code} what={label} />
        </Box>
      </Box>
    </Stack>
  )
}
