export const leaving = {
  title: 'Leave without saving?',
  text: 'What you changed on this page is not saved, and is lost when you leave it.',
  leave: 'Leave',
  stay: 'Stay',
} as const
