/** SQL's names and texts, written the same way for SQLite, DuckDB and PostgreSQL. */

export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
