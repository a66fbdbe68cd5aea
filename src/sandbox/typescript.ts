import type { HandlerError } from './failure.ts'

/** What the parser throws: an object, no Error; lines from 1, columns from 0, as they are shown: a tab is four of them. */
interface SyntaxFault {
  message: string
  startLine?: number
  startColumn?: number
}

/** The parser ran out of its stack or memory in the middle of a source: what it says of any other after that is not to be believed. */
export class ParserSpent extends Error {
  override name = 'SyntaxError'
}

/** Of what would need code of its own, by the parser's names. */
const INSTEAD: Record<string, string> = {
  enum: "write an object, `const Colour = { Red: 'red' } as const`",
  'namespace declaration': 'write what is in it as an object, or without it',
  'parameter property': 'declare the field in the class, and set it in the constructor',
  'import equals declaration': 'there are no modules to import',
  'export assignment': 'write `export default`',
}

/**
 * A handler's JavaScript: its TypeScript with blanks for the types, so that lines and columns stay. Nothing is run and nothing
 * is looked up; types are not checked; what needs code of its own (enum, namespace, parameter properties) is refused. It may
 * take long on a source made for it, so it is done in a process that can be ended.
 * @throws HandlerError; ParserSpent
 */
export async function withoutTypes(source: string): Promise<string> {
  // only in a process that checks: one that runs handlers has no use for it
  const { transformSync } = await import('@swc/wasm-typescript')
  try {
    return separated(source, withoutImports(source, transformSync(source, { mode: 'strip-only', module: true }).code))
  } catch (error) {
    // what it says of a source is no Error; a RangeError or a trap of WebAssembly is
    if (error instanceof Error) throw new ParserSpent('it nests too deep')
    const { message, startLine, startColumn } = error as SyntaxFault
    throw {
      name: 'SyntaxError',
      message: message.replace(
        /^TypeScript (.*) is not supported in strip-only mode$/,
        (_, what) => `TypeScript ${what} is not supported: ${INSTEAD[what] ?? 'write it without'}`,
      ),
      line: startLine,
      column: startColumn === undefined ? undefined : columnOf(source.split('\n')[startLine! - 1] ?? '', startColumn),
    } satisfies HandlerError
  }
}

/** Of names that are all types, which leaves none in the braces: it would look for the module. */
function withoutImports(source: string, code: string): string {
  return code.replace(/\b(?:im|ex)port\s*\{\s*\}\s*from\s*(["'])[^"'\n]*\1(?!\s*with\b)/g, (found, _, at: number) =>
    source.startsWith(found, at) ? found : `;${found.slice(1).replace(/\S/g, ' ')}`,
  )
}

/**
 * Of `const a = b`, `type T = number` and `;[1].map(...)` on three lines the `;` is the type's, and was blanked with it, though it is
 * what parts the others; as it is of a member of a class that is a type only. It is put back before what stays: there, at the
 * end of what was blanked, it ends nothing but a statement or a member. Where what was blanked has none, its line parted them.
 */
function separated(source: string, code: string): string {
  let out = ''
  let copied = 0
  for (const { index, indices } of source.matchAll(/;(?=\s*(\S))/dg)) {
    const [next] = indices![1]!
    if (code[index] !== ' ' || code[next] !== source[next]) continue
    out += `${code.slice(copied, index)};`
    copied = index + 1
  }
  out += code.slice(copied)
  // blanks, and comments among them; a text, which may look like one, stays
  return out.replace(
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)+/g,
    (blank, at: number) => {
      if (!GOES_ON.test(out[at + blank.length] ?? '')) return blank
      let lost = 0
      while (lost < blank.length && !(blank[lost] !== source[at + lost] && /\s/.test(blank[lost]!))) lost++
      if (!blank.slice(0, lost).includes('\n') || !STATEMENT.test(source.slice(at + lost, at + blank.length)))
        return blank
      return `${blank.slice(0, lost)};${blank.slice(lost + 1)}`
    },
  )
}

/** What begins a line and is taken for more of the one before. */
const GOES_ON = /[[*(`]/
/** A statement or a member of a class, and not what belongs to an expression, which may go on behind it. */
const STATEMENT = /^(?!(?:as|satisfies|implements|this)\b)[\w$#"'[]/

const TAB = 4

/** The column of a character, from 1, of which it is known how far from the left it is shown. */
function columnOf(line: string, shown: number): number {
  let column = 1
  let width = 0
  for (const character of line) {
    if (width >= shown) break
    // of two units takes one more than its width
    width += character === '\t' ? TAB : Bun.stringWidth(character) + character.length - 1
    column += character.length
  }
  return column
}
