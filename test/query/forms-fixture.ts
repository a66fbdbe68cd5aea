/** An answer in each of its forms, as the door sends them: whole, kept, streamed, as CSV and NDJSON, and as a 304. */
import { expect } from 'bun:test'
import type { Grant } from '../../src/catalog/grant.ts'
import { parseQuery } from '../../src/lib/params.ts'
import { rowsAnswerer } from '../../src/protocols/honeyframe/rows.ts'
import { QueryAnswers } from '../../src/query/answers.ts'
import { AnswerCache } from '../../src/query/cache.ts'
import { FORMATS } from '../../src/query/formats.ts'
import type { PreparedQuery, RowsReply } from '../../src/query/prepared.ts'
import { csvOf, readCsv } from '../read-csv.ts'
import { grantWith } from './table-fixture.ts'

const answerRows = rowsAnswerer()

interface Forms {
  prepared: PreparedQuery
  grant: Grant
  params: URLSearchParams
  /** what the grant is answered as JSON */
  reply: RowsReply
  /** raw values that must be in nothing that the grant gets */
  hidden: string[]
}

/**
 * Asks for each form twice, after somebody who sees everything has put the same into the cache. Everything that comes, bodies
 * and headers, says what the JSON answer says, and nothing that is hidden.
 */
export async function checkForms({ prepared, grant, params, reply, hidden }: Forms): Promise<void> {
  const answers = new QueryAnswers(prepared, new AnswerCache(1 << 20), 60)
  const ask = async (who: Grant, format: string, headers: Record<string, string> = {}) => {
    const asked = new URLSearchParams(params)
    asked.set('format', format)
    const request = new Request(`http://localhost/api/service/s/e?${asked}`, { headers })
    const call = { params: parseQuery(String(asked)), body: undefined, deadline: Date.now() + 100_000, caller: request }
    const identity = { requestId: 'r', headers: { 'x-request-id': 'r' } }
    const response = await answerRows(answers, {
      request,
      call,
      grant: who,
      name: 'e',
      identity,
      limit: undefined,
      checkAgain() {},
    })
    const text = await response.text()
    const said = `${text}\n${JSON.stringify(Object.fromEntries(response.headers))}`
    if (who === grant)
      for (const mark of hidden)
        if (said.includes(mark)) throw new Error(`a hidden value is in the ${format} answer: ${mark}`)
    return { response, text, etag: response.headers.get('etag')! }
  }
  const seesAll =
    !grant.masked && grant.sensitivityMax === 'critical' && !grant.allowedColumns && grant.rowScope.length === 0
  for (const format of FORMATS) {
    await ask(grantWith(), format)
    const first = await ask(grant, format)
    const second = await ask(grant, format)
    expect([first.response.headers.has('age'), second.response.headers.has('age')]).toEqual([seesAll, true])
    expect([second.text, second.etag]).toEqual([first.text, first.etag])
    expect((await ask(grantWith(), format)).response.headers.has('age')).toBe(true)
    const known = await ask(grant, format, { 'if-none-match': first.etag })
    expect([known.response.status, known.text, known.etag]).toEqual([304, '', first.etag])
    if (format === 'json') expect(JSON.parse(first.text)).toEqual(reply)
    else expect(first.response.headers.get('link') !== null).toBe(reply.has_more)
    if (format === 'ndjson') expect(first.text).toBe(reply.rows.map(row => `${JSON.stringify(row)}\n`).join(''))
    if (format === 'csv' && reply.columns.length > 0) {
      const [header, ...records] = readCsv(first.text)
      expect(header).toEqual(reply.columns.map(({ name }) => name))
      expect(records).toEqual(reply.rows.map(row => reply.columns.map(({ name, type }) => csvOf(row[name], type))))
    }
  }
}
