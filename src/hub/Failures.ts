/** What an answer of the Hub means when it is no success: status, `X-Error-Code` and text -> the failure of the program. Pure. */
import { HubAccessDenied, type HubError, HubUnavailable, RepoNotFound, RevisionNotFound } from "../domain/Errors.js"
import { isObject } from "../domain/JsonFile.js"

/** What a request is about, for the message of its failure. */
export interface Subject {
  /** A noun phrase: `the listing of acme/tiny`. */
  readonly operation: string
  readonly repo: string
  readonly revision: string
}

/** An answer that is no success. */
export interface Refusal {
  readonly status: number
  /** `X-Error-Code`, null when the Hub names none. */
  readonly code: string | null
  /** What the Hub says, one short line; empty when it says nothing. */
  readonly text: string
  /** Whether the request carried a token. */
  readonly withToken: boolean
}

const MESSAGE_LIMIT = 200

/** The Hub's own words: the header before the body's `error` or `message`; at most one short line, without the token. */
export const refusalText = (header: string | null, body: unknown, token: string | null): string => {
  const fields = isObject(body) ? [body["error"], body["message"]] : []
  const said = [header, ...fields].find((text) => typeof text === "string" && text.trim() !== "")
  if (typeof said !== "string") return ""
  const shown = token === null ? said : said.replaceAll(token, "***")
  return shown
    .replace(/[\s\p{C}]+/gu, " ")
    .trim()
    .slice(0, MESSAGE_LIMIT)
}

type Meaning = (subject: Subject, refusal: Refusal) => HubError

const denied =
  (problem: (refusal: Refusal) => string): Meaning =>
  ({ repo }, refusal) =>
    new HubAccessDenied({ repo, problem: problem(refusal) })

const unknownRepo: Meaning = ({ repo, revision }) => new RepoNotFound({ repo, revision })
const withText = (clause: string, { text }: Refusal) => (text === "" ? clause : `${clause}: ${text}`)

/** The codes come before the status: a gated repo answers 401 or 403, a private one 401 or 404. */
const byCode: Readonly<Record<string, Meaning>> = {
  GatedRepo: denied(() => "the repo is gated"),
  RepoNotFound: unknownRepo,
  RevisionNotFound: ({ repo, revision }) => new RevisionNotFound({ repo, revision }),
  EntryNotFound: ({ operation }) => new HubUnavailable({ operation, problem: "the repo has no such file" }),
  DisabledRepo: denied(() => "the Hub has disabled this repo")
}

const byStatus: Readonly<Record<number, Meaning>> = {
  401: denied(({ withToken }) =>
    withToken ? "the Hub does not accept the token (HTTP 401)" : "the Hub asks for a token (HTTP 401)"
  ),
  403: denied((refusal) => withText("the token may not do this (HTTP 403)", refusal)),
  404: unknownRepo
}

/** The failure that an answer stands for. */
export const refusalError: Meaning = (subject, refusal) => {
  const known = (refusal.code === null ? undefined : byCode[refusal.code]) ?? byStatus[refusal.status]
  if (known !== undefined) return known(subject, refusal)
  return new HubUnavailable({ operation: subject.operation, problem: withText(`HTTP ${refusal.status}`, refusal) })
}

const UNTRUSTED = "its certificate is not trusted; NODE_EXTRA_CA_CERTS names further authorities"
const OTHER_HOST = "its certificate is for another host"
const OUTDATED = "its certificate has expired"
/** The endpoint itself is wrong. */
export const NO_ADDRESS = "its address is no http(s) URL; check HF_ENDPOINT"

/** Who needs a password for a mirror puts a token into HF_TOKEN: an address is shown, and a password in it would be too. */
export const PASSWORD = "its address carries a user name or password; take it out of HF_ENDPOINT"

export const TOO_MANY_REDIRECTS = "it sends from one address to the next"

export const DOWNGRADE = "it leads from https to plain http"

const REFUSED = "the connection was refused"
const UNKNOWN_HOST = "the host name is unknown"
const NO_LOOKUP = "the host name could not be looked up"

/** Problems that no further try within seconds solves; the user had better know at once. */
export const HOPELESS: ReadonlySet<string> = new Set([
  REFUSED,
  UNKNOWN_HOST,
  NO_LOOKUP,
  UNTRUSTED,
  OTHER_HOST,
  OUTDATED,
  NO_ADDRESS,
  PASSWORD,
  TOO_MANY_REDIRECTS,
  DOWNGRADE
])

/** Codes of failed connections and what they say to a user; the code itself stands for every other one. */
const CONNECTION: Readonly<Record<string, string>> = {
  ECONNREFUSED: REFUSED,
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was reset",
  ENOTFOUND: UNKNOWN_HOST,
  EAI_AGAIN: NO_LOOKUP,
  ETIMEDOUT: "the connection timed out",
  UND_ERR_CONNECT_TIMEOUT: "the connection timed out",
  UND_ERR_HEADERS_TIMEOUT: "no answer came in time",
  UND_ERR_BODY_TIMEOUT: "the answer stalled",
  UND_ERR_SOCKET: "the connection was closed",
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: OTHER_HOST,
  CERT_HAS_EXPIRED: OUTDATED
}

const codeOf = (error: unknown): string | null =>
  isObject(error) && typeof error["code"] === "string" ? error["code"] : null

/** One clause for a connection that failed; never an exception's own text. */
export const connectionProblem = (error: unknown): string => {
  const code = codeOf(error) ?? (isObject(error) ? codeOf(error["cause"]) : null)
  return code === null ? "the connection failed" : (CONNECTION[code] ?? `the connection failed (${code})`)
}
