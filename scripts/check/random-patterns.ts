/** Random regular expressions of the part that is supported, each with texts that match it. */
import { makeRandom, type Random } from "./Random.js"

export interface RandomPattern {
  readonly pattern: string
  /** A text that it matches as a whole. */
  readonly sample: () => string
}

const CHARACTERS = ["a", "b", "z", "0", "7", " ", "_", "é", "中", "😀", "/", "<", '"', "'", ":", "-", "\u2028"] as const
const CLASSES: readonly [
  readonly [source: string, members: string],
  ...Array<readonly [source: string, members: string]>
] = [
  ["[a-c]", "abc"],
  ["[^a-c]", "dX0 é😀\n"],
  ["\\d", "0189"],
  ["\\D", "a -中"],
  ["\\w", "aZ_9"],
  ["\\W", " -é😀"],
  ["\\s", " \t\n\u00a0\u3000"],
  ["\\S", "a-中"],
  [".", "a 中😀\u0000"],
  ["[\\d\\-_]", "09-_"],
  ["[^\\s\\S]|x", "x"],
  ["[\\u{1F600}-\\u{1F64F}]", "😀😂🙏"],
  ["\\u00e9", "é"],
  ["\\x41", "A"],
  ["\\n", "\n"],
  ["[\\b\\]\\\\]", "\b]\\"],
  ["\\.", "."]
]

const member = (random: Random, text: string): string => {
  const all = Array.from(text)
  return all[random.below(all.length)] ?? ""
}

const repeat = (random: Random, inner: RandomPattern): RandomPattern => {
  const [min, more] = [random.below(3), random.below(4)]
  const [sign, least, most] = random.pick<readonly [sign: string, least: number, most: number]>([
    ["*", 0, 4],
    ["+", 1, 4],
    ["?", 0, 1],
    [`{${min}}`, min, min],
    [`{${min},}`, min, min + 3],
    [`{${min},${min + more}}?`, min, min + more],
    ["*?", 0, 3]
  ])
  return {
    pattern: `(?:${inner.pattern})${sign}`,
    sample: () => Array.from({ length: least + random.below(most - least + 1) }, inner.sample).join("")
  }
}

const part = (random: Random, depth: number): RandomPattern => {
  const kind = random.below(depth > 0 ? 6 : 3)
  if (kind < 2) {
    const text = random.pick(CHARACTERS)
    return { pattern: text === "/" ? "\\/" : text, sample: () => text }
  }
  if (kind === 2) {
    const [source, members] = random.pick(CLASSES)
    return { pattern: `(?:${source})`, sample: () => member(random, members) }
  }
  if (kind === 3) return repeat(random, part(random, depth - 1))
  const all = Array.from({ length: 1 + random.below(3) }, () => part(random, depth - 1))
  if (kind === 4) {
    return {
      pattern: `(${all.map(({ pattern }) => pattern).join("")})`,
      sample: () => all.map(({ sample }) => sample()).join("")
    }
  }
  return {
    pattern: `(?<n${random.below(1e9)}>${all.map(({ pattern }) => pattern).join("|")})`,
    sample: () => all[random.below(all.length)]?.sample() ?? ""
  }
}

export const randomPattern = (seed: number): RandomPattern => {
  const random = makeRandom(seed)
  const all = Array.from({ length: 1 + random.below(4) }, () => part(random, 2))
  return {
    pattern: all.map(({ pattern }) => pattern).join(""),
    sample: () => all.map(({ sample }) => sample()).join("")
  }
}
