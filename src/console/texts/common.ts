/** What is said in several places. One file an area; a translation replaces these objects. */
export const common = {
  cancel: 'Cancel',
  close: 'Close',
  save: 'Save',
  saved: 'Saved',
  create: 'Create',
  edit: 'Edit',
  remove: 'Delete',
  showOf: (what: string) => `Show: ${what}`,
  copy: 'Copy',
  copied: 'Copied',
  notCopied: 'The browser did not copy it. Select the text and copy it yourself.',
  done: 'Done',
  retry: 'Try again',
  loading: 'Loading',
  never: 'never',
  none: 'none',
  search: 'Search',
  form: 'Form',
  json: 'JSON',
  unread: 'Something that was typed cannot be read yet, and would not be saved.',
  unfitForForm: 'The form cannot show this. Mend it as JSON.',
  columns: (first: number, last: number, all: number) =>
    `Columns ${first.toLocaleString('en')} to ${last.toLocaleString('en')} of ${all.toLocaleString('en')}`,
  columnsBefore: 'Columns before',
  columnsAfter: 'Columns after',
  rows: (shown: number, all: number) =>
    shown === all
      ? `${all.toLocaleString('en')} ${all === 1 ? 'row' : 'rows'}`
      : `${shown.toLocaleString('en')} of ${all.toLocaleString('en')} rows`,
  showOther: 'Discard my changes and show the other version',
  signedOut: 'You were not signed in any more, and this was not done. Sign in, and try again.',
  nothingFound: 'Nothing matches this search.',
  requestId: (id: string) => `Request ${id}`,
  shownOnce: 'Copy it now: it is shown this once and cannot be seen again.',
  typeToConfirm: (word: string) => `Type ${word} to go on`,
  roles: { viewer: 'Viewer', editor: 'Editor', admin: 'Admin' },
  roleMeanings: {
    viewer: 'sees everything in the project but secrets, changes nothing',
    editor: 'changes data, models, services and keys',
    admin: 'all of that, and the project itself and its members',
  },
} as const
