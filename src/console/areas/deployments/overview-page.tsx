import { Code, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useProject } from '../../api/projects.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { traffic } from '../../texts/traffic.ts'
import { CodeSample } from '../../ui/code-sample.tsx'
import { CopyIcon } from '../../ui/copy.tsx'
import { Facts } from '../../ui/facts.tsx'
import { TextLink } from '../../ui/link.tsx'
import { Section } from '../../ui/page.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { TrafficPanel } from '../../ui/traffic-panel.tsx'
import { type DeploymentRow, usageQuery, useDeployment } from './api.ts'
import { useCallSamples } from './call-samples.ts'
import { lineOf } from './command-line.ts'
import { definitionOf } from './definition.ts'
import { Processes } from './processes.tsx'
import { readySince } from './status.tsx'

/** What it does now, where it answers, how it is called and how much. */
export function OverviewPage() {
  const project = useProject()
  const { deployment } = useDeployment()
  const samples = useCallSamples(deployment)
  const usage = useQuery(usageQuery(project.project_id, deployment.name))
  return (
    <Stack gap="xl">
      <Facts
        facts={{
          [t.address]: (
            <Group gap={4} wrap="nowrap">
              <Text span inherit ff="monospace">
                {deployment.endpoint_url}
              </Text>
              <CopyIcon value={deployment.endpoint_url} what={t.address} />
            </Group>
          ),
          ...sourceOf(deployment, project.slug),
          [t.revision]: deployment.revision,
          [t.changed]: <RelativeTime at={deployment.updated_at} />,
          ...(deployment.kind === 'command'
            ? { [t.since]: <RelativeTime at={readySince(deployment)} none={t.notReady} /> }
            : {}),
        }}
      />
      {deployment.kind === 'command' && <Processes replicas={deployment.replicas} />}
      <Section
        title={t.call}
        about={t.callAbout}
        actions={
          <TextLink to="/projects/$project/keys" params={{ project: project.slug }}>
            {t.keysOfProject}
          </TextLink>
        }
      >
        <CodeSample label={t.samplesOf(deployment.name)} samples={samples} />
      </Section>
      <TrafficPanel
        title={t.usage}
        about={t.usageAbout}
        actions={
          <TextLink
            to="/projects/$project/usage"
            params={{ project: project.slug }}
            search={{ deployment: deployment.name }}
          >
            {traffic.usage}
          </TextLink>
        }
        none={t.notUsed}
        report={usage.data}
        error={usage.error}
      />
    </Stack>
  )
}

/** What stands behind it. */
function sourceOf(deployment: DeploymentRow, project: string) {
  const { command, upstream, model, model_id } = definitionOf(deployment)
  if (command) return { [t.command]: <Code style={{ overflowWrap: 'anywhere' }}>{lineOf(command)}</Code> }
  if (upstream !== undefined) return { [t.upstream]: upstream }
  if (model === undefined) return { [t.model]: t.modelById(model_id ?? 0) }
  return {
    [t.model]: (
      <TextLink to="/projects/$project/models/$model" params={{ project, model }}>
        {model}
      </TextLink>
    ),
  }
}
