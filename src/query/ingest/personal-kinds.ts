/** The kinds of personal data that an import looks for, by a column's name and by its values. */
import type { ColumnType, Mask, Sensitivity } from '../../catalog/column.ts'
import * as values from './personal-values.ts'

export interface Kind {
  sensitivity: Sensitivity
  mask: Mask
  /** how it is put to a person */
  looks: string
  types: ColumnType[]
  /** of a column's name, as `plainName` gives it */
  name: RegExp
  /** what most values must be for the name to count; without values the name alone does, in columns of text and dates */
  plausible: (text: string) => boolean
  /** What values are whatever the column is called: the share of them, and how many different ones at least. */
  certain?: { is: (text: string) => boolean; share: number; distinct: number }
}

const NUMBER = '(?:no|nr|num|number|nummer)'
const named = (pattern: string) => new RegExp(`(?:^|_)(?:${pattern})$`)

const CARD: Kind = {
  sensitivity: 'critical',
  mask: 'last4',
  looks: 'looks like payment card numbers',
  types: ['text', 'integer'],
  name: named(
    `(?:card|cc|creditcard|credit_card|debit_card|payment_card)_?${NUMBER}|credit_?card|debit_?card|pan|kreditkarte`,
  ),
  plausible: values.maybeCard,
  // one number in ten passes the check by chance
  certain: { is: values.isCard, share: 0.8, distinct: 2 },
}

const NATIONAL_ID: Kind = {
  sensitivity: 'critical',
  mask: 'redact',
  looks: 'looks like national ids',
  types: ['text', 'integer'],
  name: named(
    [
      `ssn|social_?security(?:_?${NUMBER})?|social_?insurance(?:_?${NUMBER})?|national_?insurance(?:_?${NUMBER})?|nino`,
      `national_?id(?:_?${NUMBER})?|national_identifier|national_identity_${NUMBER}|nin|identity_card(?:_${NUMBER})?`,
      `personal_(?:id_)?${NUMBER}|personal_id|personnummer|passport(?:_?(?:id|${NUMBER}))?`,
      `cpf|curp|dni|bsn|pesel|aadhaa?r(?:_?${NUMBER})?`,
      `driv(?:er|ers|ing)_?licen[cs]e(?:_?(?:id|${NUMBER}))?|medical_?record_?${NUMBER}|mrn|nhs_?${NUMBER}`,
    ].join('|'),
  ),
  plausible: values.maybeNationalId,
  certain: { is: values.isSsn, share: 0.9, distinct: 2 },
}

/** Companies have one too. */
const TAX_ID: Kind = {
  ...NATIONAL_ID,
  looks: 'looks like tax ids',
  name: named(`tax_?id|tax_?payer_?id|tax_?identification_?${NUMBER}|steuer_?id`),
  certain: undefined,
}

const IBAN: Kind = {
  sensitivity: 'high',
  mask: 'last4',
  looks: 'looks like IBANs',
  types: ['text'],
  name: named(`iban(?:_?${NUMBER})?`),
  plausible: values.maybeIban,
  certain: { is: values.isIban, share: 0.5, distinct: 1 },
}

const EMAIL: Kind = {
  sensitivity: 'high',
  mask: 'email',
  looks: 'looks like e-mail addresses',
  types: ['text'],
  name: named('e_?mail|mail|e_?mail_?addr(?:ess)?|mail_?addr(?:ess)?|courriel|correo(?:_electronico)?'),
  plausible: values.isEmail,
  certain: { is: values.isEmail, share: 0.2, distinct: 1 },
}

/** Longer texts with addresses in them: no mask but the whole one hides those. */
const EMAIL_WITHIN: Kind = {
  sensitivity: 'high',
  mask: 'redact',
  looks: 'looks like texts with e-mail addresses',
  types: ['text', 'json'],
  name: /^(?!)/,
  plausible: values.holdsEmail,
  certain: { is: values.holdsEmail, share: 0.2, distinct: 1 },
}

const PHONE: Kind = {
  sensitivity: 'high',
  mask: 'last4',
  looks: 'looks like phone numbers',
  types: ['text'],
  name: named(
    `(?:tele|cell|mobile_?)?phone(?:_?(?:${NUMBER}|home|work|mobile|private|office))?|mobile|cell|tel|fax|(?:mobile|cell|tel|fax|contact|whatsapp)_?${NUMBER}|msisdn|telefon|telefono|handy(?:_?${NUMBER})?`,
  ),
  plausible: values.maybePhone,
  certain: { is: values.isPhone, share: 0.8, distinct: 2 },
}

/** Whole numbers count and measure as well: only a name that says number, or nothing else, is taken at its word. */
const PHONE_DIGITS: Kind = {
  ...PHONE,
  types: ['integer', 'float'],
  name: named(
    `(?:tele|cell|mobile_?)?phone(?:_?${NUMBER})?|(?:mobile|cell|tel|fax|contact|whatsapp)_?${NUMBER}|msisdn`,
  ),
  plausible: text => /^\d{9,15}(?:\.0)?$/.test(text),
  certain: undefined,
}

const BIRTH: Kind = {
  sensitivity: 'high',
  mask: 'year',
  looks: 'looks like dates of birth',
  types: ['date', 'timestamp', 'timestamptz', 'text'],
  name: named(
    'dob|d_o_b|birth_?(?:date|day)|date_?of_?birth|bday|born(?:_?(?:on|at|date))?|geburts_?(?:datum|tag)|date_?(?:de_?)?naissance|fecha_?(?:de_?)?nacimiento',
  ),
  plausible: values.maybeDate,
}

const PERSON: Kind = {
  sensitivity: 'medium',
  mask: 'initials',
  looks: 'looks like names of persons',
  types: ['text'],
  name: named(
    '(?:first|last|middle|given|maiden|full)_?name|sur_?name|fore_?name|fname|lname|(?:person|patient|employee|student|passenger|guest|card_?holder|doctor|physician|teacher|applicant)s?_?name|vorname|nachname|familienname|prenom|apellidos?',
  ),
  plausible: values.maybePersonName,
}

/** Customers, clients and contacts are companies as often as not: their values must look like persons as well. */
const PARTY: Kind = {
  ...PERSON,
  name: named('(?:customer|client|contact|member|account_?holder|subscriber|tenant|family)_?name'),
  plausible: values.isPersonName,
}

/** A bare `name`, in a table that has dates of birth or national ids: whoever has those is a person. */
export const NAME_OF_PERSONS: Kind = {
  ...PERSON,
  looks: 'looks like names of persons, as the table has what only persons have',
  name: /^name$/,
}

/** The first that fits is proposed: the strictest stand first. */
export const KINDS: readonly Kind[] = [
  CARD,
  NATIONAL_ID,
  TAX_ID,
  IBAN,
  EMAIL_WITHIN,
  EMAIL,
  PHONE,
  PHONE_DIGITS,
  BIRTH,
  PERSON,
  PARTY,
]

/** Whether a column with this proposal makes its table one of persons. */
export const isOfPersons = (kind: Kind): boolean => kind === NATIONAL_ID || kind === BIRTH

/** `dateOfBirth`, `Date of birth`, `DATE-OF-BIRTH 2`: all `date_of_birth`. */
export const plainName = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1_$2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1_$2')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|[_\d]+$/g, '')
