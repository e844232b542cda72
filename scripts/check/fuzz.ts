/** Random templates, most of them wrong: each must end soon, with text or with a TemplateFailure. */
import { TemplateFailure } from "../../src/chat/jinja/Failure.js"
import { fromJson } from "../../src/chat/jinja/FromJson.js"
import { compile } from "../../src/chat/jinja/Template.js"
import { raw, userText } from "../../src/chat/jinja/Text.js"
import { makeRandom, type Random } from "./Random.js"
import type { Verdict } from "./Verdict.js"

const CONTEXT = {
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: [{ type: "text", text: "Grüße 😀" }, { type: "image" }] },
    {
      role: "assistant",
      content: "<think>x</think>",
      tool_calls: [{ function: { name: "f", arguments: { a: [1, 2.5] } } }]
    }
  ],
  x: "a b,c",
  n: 3,
  l: [3, 1, 2],
  d: { k: "v", "2": null }
}
const variables = new Map(
  Object.entries(CONTEXT).map(([name, value]) => [name, fromJson(value, userText, userText)] as const)
)

const ATOMS = [
  "x",
  "n",
  "l",
  "d",
  "messages",
  "nope",
  "loop",
  "ns",
  "1",
  "2.5",
  "10**9",
  "'s'",
  "''",
  "none",
  "true",
  "range(9)",
  "{}",
  "[]",
  "99999"
] as const
const OPERATORS = [
  "+",
  "-",
  "*",
  "/",
  "//",
  "%",
  "**",
  "~",
  "==",
  "<",
  "in",
  "and",
  "or",
  "if",
  "is",
  "|",
  ".",
  ","
] as const
const NAMES = [
  "upper",
  "join",
  "center",
  "map",
  "list",
  "replace",
  "tojson",
  "indent",
  "sort",
  "groupby",
  "batch",
  "slice",
  "format",
  "round",
  "string",
  "items",
  "split",
  "strip",
  "defined",
  "odd",
  "mapping",
  "unique",
  "pprint",
  "wordwrap",
  "truncate",
  "urlize",
  "xmlattr",
  "expandtabs",
  "zfill",
  "ljust",
  "translate",
  "count",
  "index",
  "__class__",
  "mro",
  "update",
  "first",
  "last",
  "length",
  "cycle"
] as const
type Block = readonly [string, string]
const BLOCKS: readonly [Block, ...ReadonlyArray<Block>] = [
  ["for x in l", "endfor"],
  ["for x in l recursive", "endfor"],
  ["if x", "endif"],
  ["set y", "endset"],
  ["macro m(a, b=1)", "endmacro"],
  ["filter upper", "endfilter"],
  ["with a = 1", "endwith"],
  ["call m(1)", "endcall"],
  ["generation", "endgeneration"],
  ["raw", "endraw"],
  ["block b", "endblock"],
  ["autoescape true", "endautoescape"],
  ["for i in range(99999)", "endfor"]
]
const TAGS = [
  "set x = ",
  "set ns.a = ",
  "break",
  "continue",
  "else",
  "elif x",
  "include 'a'",
  "extends 'a'",
  "import 'a' as b",
  "print "
] as const
const NOISE = [
  "{{",
  "}}",
  "{%",
  "%}",
  "{#",
  "#}",
  "-",
  "'",
  '"',
  "\\",
  "(",
  ")",
  "[",
  "]",
  "\n",
  "😀",
  "\ud800",
  "\u0000",
  "|",
  "%s",
  "%(",
  "{"
] as const

const expression = (random: Random, depth: number): string => {
  if (depth === 0) return random.pick(ATOMS)
  const inner = () => expression(random, depth - 1)
  switch (random.below(6)) {
    case 0:
      return `(${inner()} ${random.pick(OPERATORS)} ${inner()})`
    case 1:
      return `${inner()}|${random.pick(NAMES)}${random.chance(0.4) ? `(${inner()})` : ""}`
    case 2:
      return `${inner()}.${random.pick(NAMES)}${random.chance(0.7) ? `(${inner()})` : ""}`
    case 3:
      return `${inner()}[${inner()}${random.chance(0.3) ? `:${inner()}` : ""}]`
    case 4:
      return `(${inner()}) is ${random.pick(NAMES)}`
    default:
      return `${random.pick(["m", "loop", "range", "dict", "namespace", "self.b", "caller", "cycler"])}(${inner()})`
  }
}

const body = (random: Random, depth: number): string =>
  Array.from({ length: random.below(4) + 1 }, () => {
    const kind = random.below(10)
    if (kind < 4) return `{{ ${expression(random, random.below(4))} }}`
    if (kind < 6) return `{% ${random.pick(TAGS)}${random.chance(0.5) ? expression(random, 1) : ""} %}`
    if (kind < 7 || depth === 0) return random.pick(NOISE)
    const [open, close] = random.pick(BLOCKS)
    return `{% ${open} %}${body(random, depth - 1)}{% ${close} %}`
  }).join(random.chance(0.5) ? "\n" : "")

/** Some characters lost, doubled or replaced. */
const damaged = (random: Random, source: string): string => {
  if (random.chance(0.6)) return source
  const at = random.below(source.length + 1)
  return source.slice(0, at) + random.pick(NOISE) + source.slice(at + random.below(3))
}

const LIMIT_MILLIS = 1_000

const problem = (source: string): string | null => {
  const start = process.cpuUsage()
  try {
    raw(compile(source)(variables, { now: () => new Date(0), inputChars: 100 }))
  } catch (error) {
    if (!(error instanceof TemplateFailure)) return `throws ${String(error)} for ${JSON.stringify(source)}`
  }
  const { system, user } = process.cpuUsage(start)
  const millis = (system + user) / 1000
  return millis > LIMIT_MILLIS ? `takes ${millis.toFixed(0)} ms for ${JSON.stringify(source)}` : null
}

/** `timed` also finds what takes longer than a second of processor time. */
export function* fuzzTemplates(options: {
  readonly runs: number
  readonly seed: number
  readonly timed: boolean
}): Generator<Verdict> {
  const random = makeRandom(options.seed)
  for (let run = 0; run < options.runs; run++) {
    const found = problem(damaged(random, body(random, 3)))
    const counts = found !== null && (options.timed || found.startsWith("throws"))
    yield { name: `template ${options.seed}/${run}`, problem: counts ? found : null }
  }
}
