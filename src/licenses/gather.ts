/** Gathers, for `src/build.ts`, what the licences of all software in the executable ask to be kept with each copy. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

interface Notice {
  name: string
  version?: string
  license?: string
  texts: string[]
}

const TEXT = /^(licen[cs]e|copying|notice|copyright|third-?party)(?!.*\.[cm]?[jt]s$)/i

/** @returns the folders of the packages that these modules (of a Bun.build's metafile) are from */
export function packageFolders(modules: string[]): string[] {
  const folders = modules.map(path => /^.*(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@.][^/]*(?=\/)/.exec(path)?.[0])
  return [...new Set(folders.filter(folder => folder !== undefined))].map(folder => resolve(folder))
}

/**
 * Of each package the texts that it carries, else those in `packages/` here; and of Bun and what is linked into native code
 * those in `libraries/`.
 * @param folders of the packages in the executable
 * @throws Error which have no text
 */
export function gatherNotices(folders: string[], ours = import.meta.dir): Notice[] {
  const byName = new Map<string, Notice>()
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const own = textsIn(folder)
    const texts = own.length > 0 ? own : textsIn(join(ours, 'packages', name))
    byName.set(`${name} ${version}`, { name, version, license, texts })
  }
  const packages = [...byName.keys()].sort().map(key => byName.get(key)!)
  const libraries = readdirSync(join(ours, 'libraries'))
    .sort()
    .map((name): Notice => {
      const version = name === 'bun' ? Bun.version : undefined
      return { name, version, texts: textsIn(join(ours, 'libraries', name)) }
    })
  const notices = [...libraries, ...packages]
  const bare = notices.filter(({ texts }) => texts.length === 0).map(({ name }) => name)
  if (bare.length > 0)
    throw new Error(`no licence text comes with ${bare.join(', ')}: put it into src/licenses/packages/NAME/LICENSE`)
  return notices
}

/** One document: what is in it first, then each one's texts. */
export function noticesDocument(notices: Notice[]): string {
  const titles = notices.map(
    ({ name, version, license }) => name + (version ? ` ${version}` : '') + (license ? `: ${license}` : ''),
  )
  const texts = notices.map(({ texts }, i) => `${'='.repeat(80)}\n${titles[i]}\n\n${texts.join('\n\n')}`)
  return `Callgate contains the following software, whose licences and notices follow.

${titles.map(title => `  ${title}`).join('\n')}

${texts.join('\n\n')}
`
}

function textsIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isFile() && TEXT.test(entry.name))
    .map(({ name }) => name)
    .sort()
    .map(name => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n').trim())
}
