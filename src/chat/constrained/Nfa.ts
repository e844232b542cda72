/** A regular language as states that bytes of UTF-8 lead through. Pure. */
import type { Regex } from "./Regex.js"
import { utf8Ranges } from "./Utf8.js"

export interface Edge {
  readonly from: number
  readonly to: number
  readonly target: number
}

export interface Nfa {
  readonly start: number
  /** The state after the last byte; it has no edges. */
  readonly end: number
  /** By state: where a byte in a range leads. */
  readonly edges: ReadonlyArray<ReadonlyArray<Edge>>
  /** By state: where no byte is needed. */
  readonly jumps: ReadonlyArray<ReadonlyArray<number>>
}

const utf8 = new TextEncoder()

export const nfaOf = (regex: Regex): Nfa => {
  const edges: Array<Array<Edge>> = []
  const jumps: Array<Array<number>> = []
  const state = (to: ReadonlyArray<number> = []): number => {
    edges.push([])
    return jumps.push([...to]) - 1
  }
  const connect = (at: number, from: number, to: number, target: number) => edges[at]?.push({ from, to, target })

  /** Bytes in these ranges between two states. */
  const path = (at: number, ranges: ReadonlyArray<readonly [from: number, to: number]>, next: number): void => {
    let here = at
    ranges.forEach(([from, to], index) => {
      const target = index === ranges.length - 1 ? next : state()
      connect(here, from, to, target)
      here = target
    })
  }
  const textTo = (text: string, next: number): number => {
    if (text === "") return next
    const at = state()
    path(
      at,
      Array.from(utf8.encode(text), (byte) => [byte, byte]),
      next
    )
    return at
  }
  const repeat = (part: Regex, min: number, max: number | null, next: number): number => {
    let at = next
    if (max === null) {
      at = state([next])
      jumps[at]?.push(leading(part, at))
    } else {
      for (let i = min; i < max; i++) at = state([next, leading(part, at)])
    }
    for (let i = 0; i < min; i++) at = leading(part, at)
    return at
  }
  /** The state from which texts of a language lead to the next. */
  const leading = (part: Regex, next: number): number => {
    switch (part._tag) {
      case "Texts":
        return state(part.texts.map((text) => textTo(text, next)))
      case "Characters": {
        const at = state()
        for (const ranges of utf8Ranges(part.set)) path(at, ranges, next)
        return at
      }
      case "Sequence":
        return part.parts.reduceRight((target, one) => leading(one, target), next)
      case "Choice":
        return state(part.alternatives.map((one) => leading(one, next)))
      case "Repeat":
        return repeat(part.part, part.min, part.max, next)
    }
  }
  const end = state()
  return { start: leading(regex, end), end, edges, jumps }
}
