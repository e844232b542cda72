/** Filters over texts and numbers. */
import { binder, index, stringArg, textArg } from "./Args.js"
import { binary } from "./Binary.js"
import { capitalized } from "./Characters.js"
import { fixed } from "./Decimals.js"
import { overflowError, runtimeError, TemplateFailure, typeError, valueError } from "./Failure.js"
import { type Filter, filter } from "./FilterArgs.js"
import { toJson } from "./Json.js"
import { floatLiteral, intLiteral } from "./Literals.js"
import { int, intOf, numeric, toDouble } from "./Numbers.js"
import { isTrue, length } from "./Operations.js"
import { padded } from "./Padding.js"
import { percentFormat } from "./Percent.js"
import { prettyPrinted } from "./PrettyPrint.js"
import { escaped, str } from "./Repr.js"
import { SPACE } from "./Space.js"
import { splitLines, stripped } from "./Splitting.js"
import { replaced } from "./StringMethods.js"
import { changed, isMarkup, joined, lengthOf, raw, type Str, slicedChars, withoutMarkup } from "./Text.js"
import { wrapped } from "./TextWrap.js"
import { Dict, Float, type Int, isStr, Tuple, typeName, Undefined, type Value } from "./Values.js"

const onText = (change: (s: string) => string): Filter =>
  filter("", (value, _, rt) => {
    const text = str(value, rt)
    rt.spendChars(raw(text).length)
    return changed(text, change(raw(text)))
  })

const WORD_START = new RegExp(`([-${SPACE}({[<]+)`)

const titleFilter = (s: string): string =>
  s
    .split(WORD_START)
    .map((part) => {
      const [head = ""] = part
      return head.toUpperCase() + part.slice(head.length).toLowerCase()
    })
    .join("")

const indent = filter("width first blank", (value, [width = 4, first = false, blank = false], rt) => {
  const step: Str = isStr(width) ? width : " ".repeat(Math.max(0, Math.min(index(width), 1_000_000)))
  const lines = splitLines(textArg(binary("+", value, "\n", rt)), false)
  const all = isTrue(blank, rt)
  const parts = lines.flatMap((line, i): ReadonlyArray<Str> => {
    rt.spendChars(raw(step).length + raw(line).length)
    if (i === 0) return isTrue(first, rt) ? [step, line] : [line]
    return all || raw(line) !== "" ? ["\n", step, line] : ["\n", line]
  })
  return joined(parts, isStr(value) && isMarkup(value))
})

const truncate = filter(
  "length killwords end leeway",
  (value, [limit = 255, killwords = false, end = "...", leeway = null], rt) => {
    const most = index(limit)
    const ending = textArg(end)
    const slack = leeway === null ? 5 : index(leeway)
    if (most < lengthOf(raw(ending))) throw runtimeError(`expected length >= ${lengthOf(raw(ending))}, got ${most}`)
    if (slack < 0) throw runtimeError(`expected leeway >= 0, got ${slack}`)
    if (length(value, rt) <= most + slack) return value
    const text = textArg(value)
    const cut = slicedChars(text, 0, most - lengthOf(raw(ending)))
    const space = raw(cut).lastIndexOf(" ")
    return joined([isTrue(killwords, rt) || space < 0 ? cut : changedEnd(cut, space), ending], isMarkup(text))
  }
)
const changedEnd = (text: Str, end: number): Str => slicedChars(text, 0, lengthOf(raw(text).slice(0, end)))

const wordwrap = filter(
  "width break_long_words wrapstring break_on_hyphens",
  (value, [width = 79, long = true, separator = null, hyphens = true], rt) => {
    if (value instanceof Undefined) return value.fail()
    const between = separator === null ? "\n" : textArg(separator)
    const options = {
      width: index(width),
      breakLong: isTrue(long, rt),
      breakOnHyphens: isTrue(hyphens, rt),
      spendChars: (count: number) => rt.spendChars(count)
    }
    if (options.width <= 0) throw valueError(`invalid width ${options.width} (must be > 0)`)
    const lines = splitLines(textArg(value), false).map((line) => {
      rt.spendChars(8 * raw(line).length)
      return wrapped(line, options)
    })
    // A paragraph without words is an empty line.
    const parts = lines.flatMap(
      (pieces, i): ReadonlyArray<Str> => [
        ...(i === 0 ? [] : [between]),
        ...pieces.flatMap((piece, j): ReadonlyArray<Str> => (j === 0 ? [piece] : [between, piece]))
      ]
    )
    return joined(parts)
  }
)

/** `int(x)` of a double. */
const truncated = (x: number): Int => {
  if (Number.isNaN(x)) throw valueError("cannot convert float NaN to integer")
  if (!Number.isFinite(x)) throw overflowError("cannot convert float infinity to integer")
  return intOf(Math.trunc(x))
}

const toFloat = (value: Value): number => {
  if (value instanceof Undefined) return value.fail()
  const number = numeric(value)
  if (number !== null) return toDouble(number)
  if (isStr(value)) return floatLiteral(raw(value))
  throw typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`)
}

const toInt = (value: Value, base: number): Int => {
  if (value instanceof Undefined) return value.fail()
  if (isStr(value)) return intLiteral(raw(value), base)
  const number = numeric(value)
  if (number === null) throw typeError(`int() argument must be a string or a real number, not '${typeName(value)}'`)
  return number instanceof Float ? truncated(number.value) : number
}

/** What `compute` gives, or `otherwise` where Python's code catches the exception. */
const rescued = (compute: () => Value, caught: ReadonlyArray<string>, otherwise: () => Value): Value => {
  try {
    return compute()
  } catch (error) {
    if (error instanceof TemplateFailure && error.python !== null && caught.includes(error.python)) return otherwise()
    throw error
  }
}

const intFilter = filter("default base", (value, [fallback = 0, base = 10]) =>
  rescued(
    () => toInt(value, index(base)),
    ["TypeError", "ValueError"],
    () =>
      rescued(
        () => truncated(toFloat(value)),
        ["TypeError", "ValueError", "OverflowError"],
        () => fallback
      )
  )
)

/** `round(number, places)`: half to even. */
const roundedNumber = (number: Int | Float, places: number): Value => {
  if (number instanceof Float) {
    const { value } = number
    if (!Number.isFinite(value) || places > 350) return number
    if (places < -310) return new Float(value < 0 ? -0 : 0)
    const result = Number(fixed(value, places))
    return new Float(value < 0 || Object.is(value, -0) ? -result : result)
  }
  if (places >= 0) return number
  if (places < -5000) return 0
  const unit = 10n ** BigInt(-places)
  const wide = BigInt(number)
  const magnitude = wide < 0n ? -wide : wide
  const quotient = magnitude / unit
  const twice = (magnitude % unit) * 2n
  const rounded = (twice > unit || (twice === unit && quotient % 2n === 1n) ? quotient + 1n : quotient) * unit
  return int(wide < 0n ? -rounded : rounded)
}

const round = filter("precision method", (value, [precision = 0, method = "common"], rt) => {
  const how = stringArg(method)
  if (how !== "common" && how !== "ceil" && how !== "floor") throw runtimeError("method must be common, ceil or floor")
  const number = numeric(value)
  if (value instanceof Undefined) return how === "common" ? notRoundable(value) : value.fail()
  if (number === null) return notRoundable(value)
  if (how === "common")
    return precision === null ? binary("//", roundedNumber(number, 0), 1, rt) : roundedNumber(number, index(precision))
  const scale = binary("**", 10, precision, rt)
  const scaled = binary("*", number, scale, rt)
  const x = scaled instanceof Float ? scaled.value : Number(scaled)
  const whole = scaled instanceof Float ? truncated(how === "ceil" ? Math.ceil(x) : Math.floor(x)) : scaled
  return binary("/", whole, scale, rt)
})
const notRoundable = (value: Value): never => {
  throw typeError(`type ${typeName(value)} doesn't define __round__ method`)
}

const PREFIXES = ["k", "M", "G", "T", "P", "E", "Z", "Y"]

const filesize = filter("binary", (value, [isBinary = false], rt) => {
  const bytes = toFloat(value)
  const binaryUnits = isTrue(isBinary, rt)
  const base = binaryUnits ? 1024 : 1000
  if (bytes === 1) return "1 Byte"
  if (bytes < base) return `${truncated(bytes)} Bytes`
  const found = PREFIXES.findIndex((_, i) => bytes < base ** (i + 2))
  const at = found < 0 ? PREFIXES.length - 1 : found
  const prefix = PREFIXES[at] ?? ""
  const unit = binaryUnits ? `${prefix.toUpperCase()}iB` : `${prefix}B`
  return `${fixed((base * bytes) / base ** (at + 2), 1)} ${unit}`
})

const replace = filter("!old !new count", (value, [old = null, by = null, times = null], rt) => {
  const limit = times === null ? -1 : index(times)
  const escape =
    rt.autoescape &&
    ((isStr(old) && isMarkup(old)) || (isStr(by) && isMarkup(by) && !(isStr(value) && isMarkup(value))))
  const text = escape ? escaped(value, rt) : rt.autoescape ? str(value, rt) : withoutMarkup(str(value, rt))
  rt.spendChars(raw(text).length)
  const replacement = isMarkup(text) ? escaped(by, rt) : withoutMarkup(str(by, rt))
  return replaced(text, raw(str(old, rt)), replacement, limit < 0 ? Number.POSITIVE_INFINITY : limit, rt)
})

const JSON_BIND = binder("ensure_ascii indent separators sort_keys")

export const TEXT_FILTERS: Readonly<Record<string, Filter>> = {
  abs: filter("", (value) => {
    if (value instanceof Undefined) throw typeError("bad operand type for abs(): 'Undefined'")
    const number = numeric(value)
    if (number === null) throw typeError(`bad operand type for abs(): '${typeName(value)}'`)
    if (number instanceof Float) return new Float(Math.abs(number.value))
    return number < 0 ? int(-BigInt(number)) : number
  }),
  capitalize: onText(capitalized),
  center: filter("width", (value, [width = 80], rt) => padded(str(value, rt), index(width), " ", "both", rt)),
  filesizeformat: filesize,
  float: filter("default", (value, [fallback = new Float(0)]) =>
    rescued(
      () => new Float(toFloat(value)),
      ["TypeError", "ValueError"],
      () => fallback
    )
  ),
  format: (rt, value, args, kwargs) => {
    if (args.length > 0 && kwargs.size > 0)
      throw runtimeError("can't handle positional and keyword arguments at the same time")
    return percentFormat(str(value, rt), kwargs.size > 0 ? Dict.of(kwargs) : new Tuple(args), rt)
  },
  indent,
  int: intFilter,
  lower: onText((s) => s.toLowerCase()),
  pprint: filter("", (value, _, rt) => prettyPrinted(value, rt)),
  replace,
  round,
  string: filter("", (value, _, rt) => str(value, rt)),
  title: onText(titleFilter),
  tojson: (rt, value, args, kwargs) => toJson([value, ...JSON_BIND("tojson", args, kwargs)], rt),
  trim: filter("chars", (value, [chars = null], rt) => {
    const text = str(value, rt)
    rt.spendChars(raw(text).length)
    return stripped(text, chars === null ? null : stringArg(chars), true, true)
  }),
  truncate,
  upper: onText((s) => s.toUpperCase()),
  wordcount: filter("", (value, _, rt) => {
    const text = raw(str(value, rt))
    rt.spendChars(4 * text.length)
    return text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0
  }),
  wordwrap
}
