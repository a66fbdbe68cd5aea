import { readFileSync } from 'node:fs'

/** A user of this system. */
export interface Account {
  name: string
  uid: number
  gid: number
  home: string
}

/** @param user a name or a number. @returns undefined: there is none in /etc/passwd */
export function findAccount(user: string): Account | undefined {
  let lines: string[]
  try {
    lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  } catch {
    return undefined
  }
  for (const line of lines) {
    const [name = '', , uid = '', gid = '', , home = '/'] = line.split(':')
    if (name === user || (uid === user && uid !== '')) return { name, uid: Number(uid), gid: Number(gid), home }
  }
  return undefined
}
