export const uploads = {
  waiting: 'Waits for the one before it',
  sending: (share: number) => `Sending, ${Math.floor(share * 100)} %`,
  giveUp: 'Give up',
  takeAway: (file: string) => `Take ${file} away`,
  again: 'Try again',
  leaveTitle: 'Leave while files are sent?',
  leaveText: 'What is not done yet is given up, and nothing of it is kept.',
  unsentTitle: 'Leave without sending the files?',
  unsentText:
    'The files that you chose are not sent yet, and what you typed for them is lost when you leave this page.',
  size: (bytes: number): string => {
    if (bytes === 1) return '1 byte'
    const units = ['bytes', 'KB', 'MB', 'GB', 'TB']
    let [value, unit] = [bytes, 0]
    while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
    return `${value.toLocaleString('en', { maximumFractionDigits: unit === 0 || value >= 100 ? 0 : 1 })} ${units[unit]}`
  },
} as const
