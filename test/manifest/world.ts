/** A data directory that manifests are applied to, start after start, and all that it holds. */
import { Database } from 'bun:sqlite'
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, FIXTURES, startCallgate, temporaryFolder } from '../harness.ts'

export class World {
  readonly folder = temporaryFolder()
  readonly dataDir = join(this.folder, 'data')
  readonly keys = { app: mintSecret('dk'), ops: mintSecret('dk'), other: mintSecret('dk') }
  readonly env: Record<string, string> = {
    CALLGATE_ADMIN_TOKEN: mintSecret('hf'),
    CALLGATE_SCORING_WORKERS: '1',
    CALLGATE_DRAIN_DELAY: '0s',
    APP_KEY: this.keys.app,
    OPS_KEY: this.keys.ops,
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, text)
    return path
  }

  /** A sample model under a name of its own. */
  model(name: string, sample: string): string {
    const path = join(this.folder, name)
    copyFileSync(join(FIXTURES, 'models', `${sample}.onnx`), path)
    return path
  }

  /** Starts with a manifest, lets `check` see what came of it, and stops. @returns what was printed as changed */
  async serve(manifest: object, check: (callgate: Callgate) => Promise<void> = async () => {}): Promise<string[]> {
    const callgate = await startCallgate({ manifest, folder: this.folder, dataDir: this.dataDir, env: this.env })
    try {
      await check(callgate)
    } finally {
      await callgate.stop()
    }
    return callgate
      .output()
      .split('\n')
      .filter(line => /^ {2}\S|shown only now/.test(line))
      .map(line => line.trim())
  }

  /** Every row of the catalog, but for usage, and when something was used last. */
  catalog(): Record<string, Record<string, unknown>[]> {
    const catalog = new Database(join(this.dataDir, 'catalog.db'), { readonly: true })
    const tables = catalog
      .query<{ name: string }, []>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('usage', 'usage_series') ORDER BY name",
      )
      .all()
    const rows = Object.fromEntries(
      tables.map(({ name }) => [name, catalog.query<Record<string, unknown>, []>(`SELECT * FROM "${name}"`).all()]),
    )
    catalog.close()
    for (const table of Object.values(rows)) for (const row of table) delete row.last_used_at
    rows.sqlite_sequence = rows.sqlite_sequence!.filter(({ name }) => name !== 'usage_series')
    return rows
  }

  /** Every file of the data directory that holds data. */
  files(): string[] {
    return ['warehouse', 'models', 'uploads']
      .flatMap(dir => readdirSync(join(this.dataDir, dir), { recursive: true }).map(name => join(dir, String(name))))
      .sort()
  }
}
