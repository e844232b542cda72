/** How the Hub wants the bytes of LFS files: the answer of its batch call -> requests to make. Pure. */
import { Either, Schema } from "effect"

const Header = Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Number) })
const Action = Schema.Struct({ href: Schema.String, header: Schema.optional(Schema.NullOr(Header)) })

const Batch = Schema.Struct({
  objects: Schema.Array(
    Schema.Struct({
      oid: Schema.String,
      actions: Schema.optional(
        Schema.NullOr(Schema.Struct({ upload: Schema.optional(Action), verify: Schema.optional(Action) }))
      ),
      error: Schema.optional(Schema.NullOr(Schema.Struct({ code: Schema.Number, message: Schema.String })))
    })
  )
})

type Headers = Readonly<Record<string, string>>

/** A piece of a file; `end` is exclusive. */
export interface Part {
  readonly number: number
  readonly url: string
  readonly start: number
  readonly end: number
}

/** What to do for one object. */
export type ObjectPlan =
  | { readonly _tag: "Stored" }
  /** `problem` may be the Hub's own text, of any length. */
  | { readonly _tag: "Refused"; readonly problem: string }
  | { readonly _tag: "Whole"; readonly url: string; readonly headers: Headers; readonly verify: Verify | null }
  | {
      readonly _tag: "Parts"
      readonly parts: ReadonlyArray<Part>
      readonly completeUrl: string
      readonly verify: Verify | null
    }

export interface Verify {
  readonly url: string
  readonly headers: Headers
}

type Actions = NonNullable<(typeof Batch.Type)["objects"][number]["actions"]>

/** S3 takes at most this many parts. */
const MAX_PARTS = 10_000
/** Set by the connection, whatever the answer says. */
const OWN_HEADERS = /^(host|content-length|transfer-encoding|connection)$/i

const textHeaders = (header: typeof Header.Type): Headers =>
  Object.fromEntries(
    Object.entries(header)
      .filter(([name]) => !OWN_HEADERS.test(name))
      .map(([name, value]) => [name, String(value)])
  )

/** The parts stand in the header under their numbers, beside `chunk_size` (the Hub's own `multipart` transfer). */
const partsOf = (header: typeof Header.Type, size: number): ReadonlyArray<Part> | null => {
  const chunk = Number(header["chunk_size"])
  const numbered = Object.entries(header).filter(([name]) => /^\d+$/.test(name))
  const expected = Math.ceil(size / chunk)
  if (!Number.isSafeInteger(chunk) || chunk < 1 || numbered.length !== expected || expected > MAX_PARTS) return null
  const parts = numbered
    .map(([name, url]) => ({ number: Number(name), url: String(url) }))
    .toSorted((left, right) => left.number - right.number)
    .map(({ number, url }, index) => ({ number, url, start: index * chunk, end: Math.min(size, (index + 1) * chunk) }))
  return parts.every(({ number }, index) => number === index + 1) ? parts : null
}

const planOf = ({ upload, verify: check }: Actions, size: number): ObjectPlan => {
  if (upload === undefined) return { _tag: "Stored" }
  const header = upload.header ?? {}
  const verify = check === undefined ? null : { url: check.href, headers: textHeaders(check.header ?? {}) }
  if (header["chunk_size"] === undefined) {
    return { _tag: "Whole", url: upload.href, headers: textHeaders(header), verify }
  }
  const parts = partsOf(header, size)
  return parts === null
    ? { _tag: "Refused", problem: "the Hub's plan of parts does not fit the file" }
    : { _tag: "Parts", parts, completeUrl: upload.href, verify }
}

const decode = Schema.decodeUnknownEither(Batch)

/** The plans by SHA-256, for objects of these sizes. Left: the answer makes no sense, or leaves objects out. */
export const objectPlans = (
  answer: unknown,
  sizes: ReadonlyMap<string, number>
): Either.Either<ReadonlyMap<string, ObjectPlan>, string> =>
  decode(answer).pipe(
    Either.mapLeft(() => "the Hub's upload plan makes no sense"),
    Either.flatMap(({ objects }) => {
      const plans = new Map<string, ObjectPlan>()
      for (const { actions, error, oid } of objects) {
        const size = sizes.get(oid)
        if (size === undefined) return Either.left("the Hub plans an upload that nobody asked for")
        plans.set(oid, error ? { _tag: "Refused", problem: error.message } : planOf(actions ?? {}, size))
      }
      return plans.size === sizes.size ? Either.right(plans) : Either.left("the Hub's upload plan leaves files out")
    })
  )
