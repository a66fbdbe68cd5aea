import { mostHeld } from './schema-references.ts'

/** Beyond so many steps a schema is not tried here: a pattern takes a nanosecond for one, a schema some 50 for a value and a part. */
const MOST_STEPS = 10_000_000
const TOKEN = /\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<\w+>))?|[*+?]\??|\{(\d+)(,?)(\d*)\}\??|./gs

/**
 * How long a text may be for a schema to be tried in the process that everybody needs. An engine that goes back over a text takes
 * steps as many as there are ways to share it out among a pattern's parts, and references may hold a value against them for ever.
 */
export function longestText(schema: unknown): number {
  let longest = MOST_STEPS / mostHeld(schema)
  for (const pattern of patternsOf(schema)) {
    const { shares, choices } = waysOf(pattern)
    // what is not held to the beginning, or may not be, is tried from every place on
    const power = shares + (pattern.startsWith('^') && !pattern.includes('|') ? 0 : 1)
    const most = MOST_STEPS / choices
    if (power > 0 || most < 1)
      longest = Math.min(longest, most < 1 || power === Number.POSITIVE_INFINITY ? 0 : most ** (1 / power))
  }
  return longest
}

/** Of a pattern, or a part of one: how many of its parts take any share of the text, and how many ways there are besides. */
interface Ways {
  shares: number
  choices: number
}

/** At most, and none too few: alternatives and repetitions count as if each could match whatever the others do. */
function waysOf(pattern: string): Ways {
  const outer: Ways[] = []
  let group: Ways = { shares: 0, choices: 1 }
  let last: Ways = { shares: 0, choices: 1 }
  const end = () => {
    group.shares += last.shares
    group.choices *= last.choices
    last = { shares: 0, choices: 1 }
  }
  for (const [token, least, comma, most] of pattern.matchAll(TOKEN)) {
    if (token[0] === '(') {
      end()
      outer.push(group)
      group = { shares: 0, choices: 1 }
    } else if (token === ')') {
      end()
      last = group
      group = outer.pop() ?? { shares: 0, choices: 1 }
    } else if (token === '|') {
      end()
      group.choices *= 2
    } else if (token[0] === '?') last.choices *= 2
    else if (token[0] === '*' || token[0] === '+' || (comma && !most)) last = anyNumberOf(last)
    else if (least) last = upTo(last, Number(least), Number(most || least))
    else end()
  }
  end()
  return group
}

/** What takes shares itself, or can be read in several ways, and that again and again: more ways than can be counted. */
const anyNumberOf = ({ shares, choices }: Ways): Ways => ({
  shares: shares > 0 || choices > 1 ? Number.POSITIVE_INFINITY : 1,
  choices: 1,
})

const upTo = ({ shares, choices }: Ways, least: number, most: number): Ways => ({
  shares: shares * most,
  choices: choices ** most * (most - least + 1),
})

function* patternsOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return
  for (const [keyword, part] of Object.entries(schema)) {
    if (keyword === 'pattern' && typeof part === 'string') yield part
    if (keyword === 'patternProperties' && typeof part === 'object' && part !== null) yield* Object.keys(part)
    yield* patternsOf(part)
  }
}
