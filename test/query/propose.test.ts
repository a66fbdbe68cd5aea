/** What an import takes for personal data, and what it must not: hiding ordinary columns is worse than missing a few. */
import { afterAll, describe, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import type { ColumnType } from '../../src/catalog/column.ts'
import { isCard, isIban, isPhone, isSsn } from '../../src/query/ingest/personal-values.ts'
import { lookAt } from '../../src/query/ingest/propose.ts'
import { workshop } from './ingest-fixture.ts'

const shop = workshop()
afterAll(shop.remove)

const look = (name: string, values: string[], type: ColumnType = 'text') => lookAt(name, type, values)?.proposal
const tier = (name: string, values: string[], type: ColumnType = 'text') => {
  const proposal = look(name, values, type)
  return proposal ? `${proposal.sensitivity} ${proposal.mask}` : 'none'
}

describe('by values, whatever the column is called', () => {
  test.each<[string, string[], string]>([
    ['e-mail addresses', ['ada@example.org', 'b.c+d@mail.example.co.uk'], 'high email'],
    ['a fifth of e-mail addresses', ['ada@example.org', 'none', 'x', '-', 'n/a'], 'high email'],
    ['texts with e-mail addresses', ['Ada <ada@example.org>', 'write to bob@example.org, please'], 'high redact'],
    ['international phone numbers', ['+49 30 1234567', '+44 (0)20 7946 0958'], 'high last4'],
    ['North American phone numbers', ['(363)204-9403x2699', '242.318.0967'], 'high last4'],
    ['card numbers', ['4111 1111 1111 1111', '5500-0055-5555-5559'], 'critical last4'],
    ['IBANs', ['DE89 3704 0044 0532 0130 00', 'GB82WEST12345698765432'], 'high last4'],
    ['social security numbers', ['078-05-1120', '219-09-9999'], 'critical redact'],
  ])('%s', (_, values, wanted) => expect(tier('x', values)).toBe(wanted))

  test('card numbers that were read as integers', () =>
    expect(tier('x', ['4111111111111111', '378282246310005'], 'integer')).toBe('critical last4'))

  test.each<[string, string[]]>([
    ['URLs with a user, handles, package names', ['https://git@example.org/a', '@ada@social.example', '@scope/name']],
    ['mail without a domain', ['root@localhost', 'a@b']],
    ['dates, times, versions, addresses of machines', ['2013-01-02', '10.0.0.1', '1.2.3', '12:30:00']],
    ['16-digit ids without check digits', ['4111111111111112', '5500005555555558', '4000000000000003']],
    ['one number that passes for a card by chance', ['4111111111111111']],
    ['zeros', ['0000000000000000', '0000 0000 0000 0000']],
    ['product codes', ['000-12-3456', 'AB-123-456', '123-456-789', 'DE12-3456', '900-11-2000']],
    ['names of places, companies and people', ['Lansdowne Airport', 'Delta Air Lines Inc.', 'Ada Lovelace']],
    ['words', ['yes', 'no', 'n/a']],
    ['numbers with signs', ['+1', '-2', '+3.5']],
    ['numbers with leading zeros', ['0012345678', '0098765432', '007']],
    ['bar codes', ['4006381333931', '4012345678901', '4000417025005']],
  ])('not: %s', (_, values) => expect(tier('x', values)).toBe('none'))

  test('check digits and numbers that are never given out', () => {
    expect(['4111111111111111', '4111111111111121', '1234567812345670'].map(isCard)).toEqual([true, false, false])
    expect(['DE89370400440532013000', 'DE89370400440532013001'].map(isIban)).toEqual([true, false])
    expect(['000-11-2000', '666-11-2000', '900-11-2000', '123-00-2000', '123-11-0000'].some(isSsn)).toBe(false)
    expect(['1234567', '+12', '123-456-7890'].some(isPhone)).toBe(false)
  })
})

describe('by name, where the values do not speak against it', () => {
  test.each<[string, string, string[], ColumnType]>([
    ['email', 'high email', [], 'text'],
    ['customerEmail', 'high email', ['a@example.org', ''], 'text'],
    ['phone', 'high last4', ['030 1234567'], 'text'],
    ['phone_number', 'high last4', ['13125551234'], 'integer'],
    ['card_number', 'critical last4', ['4111111111111112'], 'text'],
    ['SSN', 'critical redact', ['123456789'], 'integer'],
    ['passport_no', 'critical redact', ['P1001'], 'text'],
    ['national_id', 'critical redact', ['90-7579383-OS'], 'text'],
    ['date_of_birth', 'high year', ['1938-06-29'], 'date'],
    ['dateOfBirth', 'high year', ['06/29/1938'], 'text'],
    ['DOB', 'high year', [], 'timestamp'],
    ['first_name', 'medium initials', ['Zoë', "O'Hara"], 'text'],
    ['Last Name', 'medium initials', ['van der Berg', 'Ångström'], 'text'],
    ['customer_name', 'medium initials', ['Ada Lovelace', 'Grace Hopper'], 'text'],
  ])('%s: %s', (name, wanted, values, type) => expect(tier(name, values, type)).toBe(wanted))

  test.each<[string, string[], ColumnType]>([
    ['name', ['Ada Lovelace', 'Grace Hopper'], 'text'],
    ['id', ['1'], 'integer'],
    ['code', ['A1'], 'text'],
    ['email', ['yes', 'no'], 'text'],
    ['email_opt_in', ['true'], 'boolean'],
    ['email_count', ['12'], 'integer'],
    ['phone', ['iPhone 12', 'Pixel'], 'text'],
    ['mobile', ['123456789'], 'integer'],
    ['cell', ['A1', 'B2'], 'text'],
    ['pan', ['left', 'right'], 'text'],
    ['passport', ['valid', 'expired'], 'text'],
    ['birth_year', ['1970'], 'integer'],
    ['born', ['Berlin'], 'text'],
    ['full_name', ['owner/repository', 'callgate/docs2'], 'text'],
    ['file_name', ['a.txt'], 'text'],
    ['username', ['ada'], 'text'],
    ['customer_name', ['Acme Inc.', 'Globex Corporation'], 'text'],
    ['product_name', ['Blue Chair'], 'text'],
    ['hostname', ['web'], 'text'],
    ['tax_rate', ['0.19'], 'float'],
    ['hotel', ['Grand Hotel'], 'text'],
    ['detail', ['1234567'], 'text'],
  ])('not: %s %p', (name, values, type) => expect(tier(name, values, type)).toBe('none'))

  test('the reason says by what, and holds no value', () => {
    expect(look('email', ['ada@example.org'])?.reason).toBe('looks like e-mail addresses (by its name and its values)')
    expect(look('x', ['ada@example.org'])?.reason).toBe('looks like e-mail addresses (by its values)')
    expect(look('email', [])?.reason).toBe('looks like e-mail addresses (by its name)')
  })
})

describe('on import', () => {
  const proposals = async (path: string, options = {}) => {
    const { columns, primaryKey } = await shop.take(path, options)
    const found = columns.flatMap(c => (c.proposal ? [[c.name, `${c.proposal.sensitivity} ${c.proposal.mask}`]] : []))
    return { found: Object.fromEntries(found), primaryKey }
  }

  test('a table of persons: its name column too; what looks personal is chosen as no key', async () => {
    const path = await shop.write(
      'people.csv',
      'contact,name,born,town\nada@example.org,Ada Lovelace,1815-12-10,Ulm\nbob@example.org,Bob,1990-01-02,Bonn\n',
    )
    const { found, primaryKey } = await proposals(path, { chooseKey: true })
    expect(found).toEqual({ contact: 'high email', name: 'medium initials', born: 'high year' })
    expect(primaryKey).toEqual(['town'])
  })

  test('a table of companies, with addresses and tax ids: its name column is left alone', async () => {
    const path = await shop.write('companies.csv', 'name,email,tax_id\nAcme Ltd,info@acme.example,DE123456789\n')
    expect((await proposals(path)).found).toEqual({ email: 'high email', tax_id: 'critical redact' })
  })

  test('a few addresses in a hundred thousand empty rows are found, in every format, and the same each time', async () => {
    const rows = "SELECT i AS id, CASE WHEN i IN (1234, 77777, 99998) THEN 'p' || i || '@example.org' END AS extra"
    const parquet = await shop.parquet('sparse.parquet', `${rows} FROM range(100000) t(i)`)
    expect((await proposals(parquet)).found).toEqual({ extra: 'high email' })
    expect((await proposals(parquet)).found).toEqual({ extra: 'high email' })
    const lines = Array.from({ length: 3 }, (_, id) =>
      JSON.stringify({ id, who: { mail: `p${id}@example.org` }, m: `p${id}@example.org` }),
    )
    const ndjson = await shop.write('nested.ndjson', `${lines.join('\n')}\n`)
    expect((await proposals(ndjson)).found).toEqual({ who: 'high redact', m: 'high email' })
  })

  test('the demo: no column of flights, airlines, airports and planes looks personal', async () => {
    const data = resolve(import.meta.dir, '../../models/data')
    for (const name of ['flights.parquet', 'airlines.csv', 'airports.csv', 'planes.csv'])
      expect([name, (await proposals(`${data}/${name}`)).found]).toEqual([name, {}])
  })

  test('an empty table is judged by its names alone, an empty column of numbers by nothing', async () => {
    const path = await shop.write('empty.csv', 'id,email,name,amount\n')
    expect((await proposals(path)).found).toEqual({ email: 'high email' })
  })
})
