/** What a person sees after a start: a key, and lines to paste into a shell. */
import { expect } from 'bun:test'
import { type Callgate, waitFor } from '../harness.ts'

interface Pasted {
  command: string
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers of every kind
  json: any
}

/** The key that was printed, and what a shell makes of each printed curl line. */
export async function pasted(callgate: Callgate, env: Record<string, string> = {}) {
  // the calls are printed last, and the server may be ready a moment before
  const printed = await waitFor(() => /\nTry:\n\n((?: {2}curl .*\n\n)+)/.exec(callgate.output())?.[1])
  const commands = printed
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)
  const answers = await Promise.all(
    commands.map(async (command): Promise<Pasted> => {
      const script = `${command} -w '\\n%{http_code}'`
      const shell = Bun.spawn(['sh', '-c', script], { env: { PATH: process.env.PATH ?? '', ...env }, stderr: 'pipe' })
      const text = await new Response(shell.stdout).text()
      const cut = text.lastIndexOf('\n')
      return { command, status: Number(text.slice(cut + 1)), json: JSON.parse(text.slice(0, cut) || 'null') }
    }),
  )
  return { key: /Key, shown only now: (dk_\w{36})\n/.exec(callgate.output())?.[1], commands, answers }
}

/** Every line answers 200, with a row or a prediction. */
export function expectUseful(answers: Pasted[]): void {
  expect(answers.length).toBeGreaterThan(0)
  for (const { command, status, json } of answers) {
    expect({ command, status }).toEqual({ command, status: 200 })
    expect((json.rows ?? json.predictions).length).toBeGreaterThan(0)
  }
}
