/**
 * The two kinds of data files, told apart by their names, as what a file is never changes: an immutable generation, which is
 * opened without locks, and a live one (WAL), which endpoints may write to.
 */
const LIVE = '.live.sqlite'

export const fileName = (id: string, live: boolean): string => `${id}${live ? LIVE : '.sqlite'}`

export const isLive = (file: string): boolean => file.endsWith(LIVE)

/** A data file with what SQLite keeps beside it: rows that were acknowledged may stand in the WAL alone. */
export const withCompanions = (file: string): string[] => (isLive(file) ? [file, `${file}-wal`, `${file}-shm`] : [file])
