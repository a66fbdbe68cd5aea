import { Modal, Stack, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { ProjectRow } from '../../api/projects.ts'
import { common } from '../../texts/common.ts'
import { projects as t } from '../../texts/projects.ts'
import { FormActions } from '../../ui/form-actions.tsx'
import { closingUnless } from '../../ui/form-dialog.tsx'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { Loading } from '../../ui/loading.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { useFirstFocus } from '../../ui/use-first-focus.ts'
import { projectQuery, useChangeProject } from './api.ts'

interface EditProjectProps {
  project: ProjectRow
  opened: boolean
  onClose: () => void
}

export function EditProjectModal({ project, opened, onClose }: EditProjectProps) {
  const change = useChangeProject(project.project_id)
  const close = () => {
    change.reset()
    onClose()
  }
  return (
    <Modal
      opened={opened}
      onClose={closingUnless(change.isPending, close)}
      title={t.edit}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': common.close }}
    >
      <Body project={project} change={change} onClose={close} />
    </Modal>
  )
}

interface BodyProps extends Omit<EditProjectProps, 'opened'> {
  change: ReturnType<typeof useChangeProject>
}

function Body(props: BodyProps) {
  const { data, error, refetch } = useQuery(projectQuery(props.project.project_id))
  if (!data) return error ? <ProblemAlert error={error} /> : <Loading height={260} />
  return <Form {...props} read={data} onReload={async () => (await refetch({ throwOnError: true })).data} />
}

interface Version {
  value: ProjectRow
  etag: string | undefined
}

interface FormProps extends BodyProps {
  read: Version
  /** reads the project again; throws where it cannot be read */
  onReload: () => Promise<Version | undefined>
}

const valuesOf = ({ name, description }: ProjectRow) => ({ name, description })

/** It is saved over the version that it began with, and over no other. */
function Form({ change, onClose, read, onReload }: FormProps) {
  const [base, setBase] = useState(read)
  const form = useForm({ initialValues: valuesOf(read.value) })
  const name = useFirstFocus()
  const takeTheirs = async () => {
    const theirs = await onReload()
    if (!theirs) return
    setBase(theirs)
    form.setInitialValues(valuesOf(theirs.value))
    form.reset()
    change.reset()
  }
  const submit = form.onSubmit(input =>
    change.mutate(
      { input, ifMatch: base.etag },
      {
        onSuccess: () => {
          onClose()
          showDone(common.saved)
        },
      },
    ),
  )
  return (
    <form onSubmit={submit}>
      <LeaveGuard when={form.isDirty()} />
      <Stack gap="md">
        <TextInput label={t.name} required maxLength={200} ref={name} data-autofocus {...form.getInputProps('name')} />
        <TextInput label={t.slug} value={base.value.slug} readOnly description={t.slugFixed} />
        <Textarea label={t.description} maxLength={2000} {...form.getInputProps('description')} />
        <ProblemAlert error={change.error} onReload={() => void takeTheirs().catch(showProblem)} />
        <FormActions onCancel={onClose} submit={common.save} busy={change.isPending} />
      </Stack>
    </form>
  )
}
