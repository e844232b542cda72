/** A request's constraint as the grammar of its answers, or why it can't be kept. Pure. */
import { Either } from "effect"
import type { Constraint } from "../../domain/Constraint.js"
import { ConstraintUnsupported } from "../../domain/Errors.js"
import { HARMONY_TAGS } from "../reasoning/HarmonySplitter.js"
import type { ToolFormatName } from "../toolcalls/Formats.js"
import { type CodePoints, charactersOf } from "./CodePoints.js"
import { type Expression, literal, makeRules, many, noneOf, optional, type Rules, sequence } from "./Grammar.js"
import { Refusal } from "./Refusal.js"
import { parseRegex, type Regex } from "./Regex.js"
import { schemaGrammar } from "./SchemaGrammar.js"
import { OPEN_SLOT } from "./Slots.js"
import { toolCallGrammar } from "./ToolCallGrammar.js"
import { writtenRegex } from "./WrittenRegex.js"

/** What must be known of a model. */
export interface AnswerModel {
  /** How it writes tool calls; null where it doesn't. */
  readonly toolFormat: ToolFormatName | null
  /** Whether its answers are messages on channels. */
  readonly harmony: boolean
  /** Whether the vocabulary has a text as one token. */
  readonly hasToken: (text: string) => boolean
}

export interface ConstraintGrammar {
  /** In xgrammar's EBNF, from the rule `root` on. */
  readonly ebnf: string
  /** What may stand in its slots, as it is written. */
  readonly slots: ReadonlyArray<Regex>
  /** Special tokens that the answer may have; it has no others but those that end it. */
  readonly marks: ReadonlySet<string>
}

const MAX_CHOICES = 2000

/** The field of a request that each comes from. */
const PARAMS: Readonly<Record<Constraint["_tag"], string>> = {
  JsonObject: "response_format",
  JsonSchema: "response_format",
  Regex: "guided_regex",
  Choice: "guided_choice",
  ToolCalls: "tools"
}

const writePlain = (set: CodePoints): Regex | null => (set.length === 0 ? null : { _tag: "Characters", set })

const regex = (pattern: string, { slot }: Rules): Expression => {
  const refuse = (problem: string) => new Refusal(null, "#", problem)
  const whole = writtenRegex(parseRegex(pattern, refuse), { write: writePlain, whole: true, refuse })
  if (whole === null) throw refuse("no text matches the pattern")
  return slot(whole)
}

const choices = (texts: ReadonlyArray<string>, { slot }: Rules): Expression => {
  if (texts.length === 0) throw new Refusal(null, "#", "the list is empty")
  if (texts.length > MAX_CHOICES) throw new Refusal(null, "#", `the list is longer than ${MAX_CHOICES}`)
  if (texts.some((text) => /\p{Surrogate}/u.test(text))) throw new Refusal(null, "#", "a text isn't valid Unicode")
  return slot({ _tag: "Texts", texts: [...new Set(texts)] })
}

interface Content {
  readonly root: Expression
  readonly marks: ReadonlySet<string>
}

const NO_MARKS: ReadonlySet<string> = new Set()

const contentOf = (constraint: Constraint, rules: Rules, model: AnswerModel): Content => {
  const avoid = model.harmony ? "<" : ""
  switch (constraint._tag) {
    case "JsonObject":
      return { root: schemaGrammar({ type: "object" }, rules, { strict: false, avoid, name: "" }), marks: NO_MARKS }
    case "JsonSchema":
      return {
        root: schemaGrammar(constraint.schema, rules, { strict: constraint.strict, avoid, name: "" }),
        marks: NO_MARKS
      }
    case "Regex":
      return { root: regex(constraint.pattern, rules), marks: NO_MARKS }
    case "Choice":
      return { root: choices(constraint.choices, rules), marks: NO_MARKS }
    case "ToolCalls":
      return toolCallGrammar(constraint.tools, rules, {
        format: model.toolFormat,
        hasToken: model.hasToken,
        parallel: constraint.parallel
      })
  }
}

/** Reasoning of a model with channels, which comes before the answer and is free but for the marks. */
const ANALYSIS = optional(
  sequence(
    literal("<|channel|>analysis<|message|>"),
    many(noneOf(charactersOf(`<${OPEN_SLOT}`))),
    literal("<|end|><|start|>assistant")
  )
)

const onChannel = ({ marks, root }: Content, isCall: boolean): Content => ({
  root: sequence(ANALYSIS, ...(isCall ? [] : [literal("<|channel|>final<|message|>")]), root),
  marks: new Set([...marks, ...HARMONY_TAGS])
})

/** Refused is what can't be kept exactly; nothing is left out silently. */
export const constraintGrammar = (
  constraint: Constraint,
  model: AnswerModel
): Either.Either<ConstraintGrammar, ConstraintUnsupported> =>
  Either.try({
    try: () => {
      const rules = makeRules()
      const content = contentOf(constraint, rules, model)
      const { marks, root } = model.harmony ? onChannel(content, constraint._tag === "ToolCalls") : content
      return { ebnf: rules.text(root), slots: rules.slots, marks }
    },
    catch: (error) => {
      if (!(error instanceof Refusal)) throw error
      const { keyword, path, problem } = error
      return new ConstraintUnsupported({ param: PARAMS[constraint._tag], keyword, path, problem })
    }
  })
