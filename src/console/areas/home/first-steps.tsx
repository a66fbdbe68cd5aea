import { Paper, Stack, Text, ThemeIcon, VisuallyHidden } from '@mantine/core'
import { IconArrowRight, IconCheck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { projectsQuery } from '../../api/projects.ts'
import { PROJECT_ITEMS } from '../../shell/navigation.ts'
import { useChosenProject } from '../../shell/project-switcher.tsx'
import { home as t } from '../../texts/home.ts'
import { ButtonLink } from '../../ui/link.tsx'
import { Section } from '../../ui/page.tsx'
import { type AssetRow, hasKeyQuery, materialQuery } from './api.ts'

type Step = keyof typeof t.steps

/** Where a step is taken, in a project; the first is taken in the list of projects. */
const PLACES: Record<Step, string> = {
  project: '/projects',
  data: '/projects/$project/datasets',
  service: '/projects/$project/services',
  publish: '/projects/$project/services',
  key: '/projects/$project/services',
}

/** What to do from an empty installation to the first call. It goes when the first service is published and there is a key. */
export function FirstSteps({ services }: { services: AssetRow[] }) {
  const { data: projects } = useQuery(projectsQuery)
  const { data: hasMaterial } = useQuery({ ...materialQuery, enabled: services.length === 0 })
  const published = services.filter(({ status }) => status === 'published')
  const first = published.length === 1 ? published[0] : undefined
  const { data: hasKey } = useQuery({ ...hasKeyQuery(first), enabled: first !== undefined })
  if (!projects || published.length > 1 || (first && hasKey !== false)) return null
  const done: Record<Step, boolean> = {
    project: projects.length > 0,
    data: services.length > 0 || hasMaterial === true,
    service: services.length > 0,
    publish: published.length > 0,
    key: false,
  }
  const steps = Object.keys(t.steps) as Step[]
  const next = steps.find(step => !done[step])
  return (
    <Section title={t.nextTitle} about={t.nextAbout}>
      <Paper p={0}>
        <ol className="steps">
          {steps.map((step, i) => (
            <li key={step} aria-current={step === next ? 'step' : undefined}>
              <ThemeIcon
                variant={step === next ? 'filled' : 'light'}
                color={done[step] || step === next ? 'teal' : 'gray'}
                radius="xl"
                size={28}
                aria-hidden
              >
                {done[step] ? <IconCheck size={16} /> : i + 1}
              </ThemeIcon>
              <Stack gap={0} style={{ flex: 1 }} miw={0}>
                <Text fw={500} size="sm" c={done[step] ? 'dimmed' : undefined}>
                  {t.steps[step].title}
                  {done[step] && <VisuallyHidden> ({t.done})</VisuallyHidden>}
                </Text>
                <Text size="sm" c="dimmed">
                  {t.steps[step].text}
                </Text>
              </Stack>
              {step === next && <Go step={step} />}
            </li>
          ))}
        </ol>
      </Paper>
    </Section>
  )
}

function Go({ step }: { step: Step }) {
  const project = useChosenProject()
  const place = PLACES[step]
  const isInProject = place.includes('$project')
  if (isInProject && !(project && PROJECT_ITEMS.some(({ to }) => String(to) === place))) return null
  return (
    <ButtonLink
      to={place as '/projects'}
      params={{ project: project?.slug ?? '' } as never}
      size="xs"
      rightSection={<IconArrowRight size={14} />}
      aria-label={t.steps[step].title}
    >
      {t.go}
    </ButtonLink>
  )
}
