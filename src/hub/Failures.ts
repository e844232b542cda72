/** What an answer of the Hub means when it is no success: status, `X-Error-Code` and text -> the failure of the program. Pure. */
import {
  HubAccessDenied,
  type HubError,
  HubUnavailable,
  HubUnusable,
  RepoNotFound,
  RevisionNotFound
} from "../domain/Errors.js"
import { isObject } from "../domain/JsonFile.js"
import { redactText } from "../domain/Redact.js"

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
/** Longer texts are nobody's message; only their beginning is looked at. */
const TEXT_LIMIT = 64 * 1024

/** A text of the other side, fit to be shown: one short line without secrets. */
export const shownText = (said: string, tokens: ReadonlyArray<string>): string => {
  const known = tokens.reduce((text, token) => text.replaceAll(token, "***"), said.slice(0, TEXT_LIMIT))
  return redactText(known.replace(/[\s\p{C}]+/gu, " "), "")
    .trim()
    .slice(0, MESSAGE_LIMIT)
}

/** The Hub's own words: the header before the body's `error` or `message`; empty when it says nothing. */
export const refusalText = (header: string | null, body: unknown): string => {
  const fields = isObject(body) ? [body["error"], body["message"]] : []
  const said = [header, ...fields].find((text) => typeof text === "string" && text.trim() !== "")
  return typeof said === "string" ? said : ""
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
const OTHER_HOST = "its certificate is for another host; check the address and the proxy"
const OUTDATED = "its certificate is not valid at this time (expired, or the clock is wrong); check the clock"
/** The endpoint itself is wrong. */
export const NO_ADDRESS = "its address is no plain http(s) URL; check HF_ENDPOINT"

/** Who needs a password for a mirror puts a token into HF_TOKEN: an address is shown, and a password in it would be too. */
export const PASSWORD = "its address carries a user name or password; take it out of HF_ENDPOINT"

export const TOO_MANY_REDIRECTS = "it sends from one address to the next; check HF_ENDPOINT"

export const DOWNGRADE = "it leads from https to plain http; check HF_ENDPOINT"

/** The token is as a user wrote it, and an upload's headers are as the Hub did. */
export const UNSENDABLE = "a header of the request holds characters that can't be sent; check HF_TOKEN"

/** The proxy's own part of a connection. */
export const proxyProblem = (problem: string): string => `the proxy fails: ${problem}`
export const NO_PROXY_ADDRESS = proxyProblem("its address can't be read; check HTTPS_PROXY and HTTP_PROXY")
const PROXY_REFUSES = "it refuses this host (HTTP 403); NO_PROXY names hosts to reach without it"
const PROXY_PASSWORD = "it asks for a user name and password (HTTP 407); put them into its address"

/** What a proxy means that gives no tunnel. */
export const proxyStatusProblem = (status: number): string =>
  ({ 403: PROXY_REFUSES, 407: PROXY_PASSWORD })[status] ?? `HTTP ${status}`

const NO_TLS = "it does not speak TLS; check the https of its address"
const REFUSED = "the connection was refused"
const UNKNOWN_HOST = "the host name is unknown"
const NO_LOOKUP = "the host name could not be looked up"

/** Problems that only a person solves: another address, another certificate, another proxy. */
const PERMANENT: ReadonlyArray<string> = [
  UNTRUSTED,
  OTHER_HOST,
  OUTDATED,
  NO_TLS,
  NO_ADDRESS,
  PASSWORD,
  UNSENDABLE,
  TOO_MANY_REDIRECTS,
  DOWNGRADE,
  NO_PROXY_ADDRESS,
  proxyProblem(PROXY_REFUSES),
  proxyProblem(PROXY_PASSWORD)
]
const permanent = new Set([...PERMANENT, ...PERMANENT.map(proxyProblem)])

export const NO_HTTP = "its answer is no HTTP"
export const TOO_MANY_HEADERS = "its answer has too many headers"
const UNREACHABLE = [REFUSED, UNKNOWN_HOST, NO_LOOKUP, NO_HTTP, TOO_MANY_HEADERS]
export const NO_ANSWER = "no answer came in time"
const unreachable = new Set([...UNREACHABLE, ...[...UNREACHABLE, NO_ANSWER].map(proxyProblem)])

/** True when the very same request will never succeed. */
export const isPermanent = (problem: string): boolean => permanent.has(problem)

/** True when no further try within seconds helps either; the user had better know at once. */
export const isHopeless = (problem: string): boolean => isPermanent(problem) || unreachable.has(problem)

/** The failure of a call that got no answer of use. */
export const callFailure = (operation: string, problem: string): HubUnavailable | HubUnusable =>
  isPermanent(problem) ? new HubUnusable({ operation, problem }) : new HubUnavailable({ operation, problem })

export const STALLED = "the answer stalled"
export const CLOSED = "the connection was closed"

/** Codes of failed connections and what they say to a user; the code itself stands for every other one. */
const CONNECTION: Readonly<Record<string, string>> = {
  ECONNREFUSED: REFUSED,
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was reset",
  ENOTFOUND: UNKNOWN_HOST,
  EAI_AGAIN: NO_LOOKUP,
  ETIMEDOUT: "the connection timed out",
  UND_ERR_CONNECT_TIMEOUT: "the connection timed out",
  UND_ERR_HEADERS_TIMEOUT: NO_ANSWER,
  UND_ERR_BODY_TIMEOUT: STALLED,
  UND_ERR_SOCKET: CLOSED,
  UND_ERR_HEADERS_OVERFLOW: TOO_MANY_HEADERS,
  UND_ERR_INVALID_ARG: UNSENDABLE,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_UNTRUSTED: UNTRUSTED,
  CERT_REJECTED: UNTRUSTED,
  CERT_REVOKED: UNTRUSTED,
  CERT_SIGNATURE_FAILURE: UNTRUSTED,
  INVALID_CA: UNTRUSTED,
  INVALID_PURPOSE: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: OTHER_HOST,
  HOSTNAME_MISMATCH: OTHER_HOST,
  UND_ERR_PRX_TLS: OTHER_HOST,
  CERT_HAS_EXPIRED: OUTDATED,
  CERT_NOT_YET_VALID: OUTDATED,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS
}

const codeOf = (error: unknown): string | null =>
  isObject(error) && typeof error["code"] === "string" ? error["code"] : null

/** A failure that our own part of the connection found; undici hands it through. */
export class ConnectionFailure extends Error {
  constructor(readonly problem: string) {
    super()
  }
}

/** One clause for a connection that failed; never an exception's own text. */
export const connectionProblem = (error: unknown): string => {
  if (error instanceof ConnectionFailure) return error.problem
  const code = codeOf(error) ?? (isObject(error) ? codeOf(error["cause"]) : null)
  if (isObject(error) && error["name"] === "HTTPParserError") return NO_HTTP
  return code === null ? "the connection failed" : (CONNECTION[code] ?? `the connection failed (${code})`)
}
