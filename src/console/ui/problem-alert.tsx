import { Alert, Button, List, Text } from '@mantine/core'
import { IconAlertCircle } from '@tabler/icons-react'
import { type FieldError, isMeanwhile, Problem } from '../api/http.ts'
import { common } from '../texts/common.ts'

interface ProblemAlertProps {
  error: unknown
  /** reads the thing again where somebody else changed it meanwhile (412): what was typed gives way, and the button says so */
  onReload?: () => void
}

/** A refusal, as the server said it. Nothing is shown where there is none. */
export function ProblemAlert({ error, onReload }: ProblemAlertProps) {
  if (!error) return null
  const problem = error instanceof Problem ? error : undefined
  const message = error instanceof Error ? error.message : String(error)
  return (
    <Alert color="red" role="alert" icon={<IconAlertCircle size={18} />} title={message} w="100%">
      {problem && problem.errors.length > 0 && (
        <List size="sm" mb={4}>
          {problem.errors.slice(0, 20).map(entry => (
            <List.Item key={`${placeOf(entry)} ${entry.message}`}>
              {placeOf(entry)}
              {entry.message}
            </List.Item>
          ))}
        </List>
      )}
      {onReload && isMeanwhile(error) && (
        <Button variant="default" size="xs" onClick={onReload}>
          {common.showOther}
        </Button>
      )}
      {problem?.requestId && problem.status >= 500 && (
        <Text size="xs" c="dimmed">
          {common.requestId(problem.requestId)}
        </Text>
      )}
    </Alert>
  )
}

const placeOf = ({ row, feature, field }: FieldError): string => {
  const name = field ?? feature
  const place = [row === undefined ? '' : `row ${row}`, name ?? ''].filter(Boolean).join(', ')
  return place ? `${place}: ` : ''
}
