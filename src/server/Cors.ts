/** Which web pages may talk to the server: names of the Host header, and CORS (spec 02 §1.7, R1.10, R1.11). Pure. */

type Headers = Readonly<Record<string, string | undefined>>

/** The host part of `host[:port]`; an IPv6 address keeps its brackets. */
const hostName = (header: string): string => (/^(\[[^\]]*\]|[^:]*)/.exec(header)?.[1] ?? "").toLowerCase()

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host)

/**
 * Whether a request that names `header` is for a server bound to `bound`. On loopback only loopback names are: a web page
 * that lets its own name point to 127.0.0.1 must get nothing. Browsers always send Host, so its absence is no attack.
 */
export const isServedHost = (header: string | undefined, bound: string): boolean => {
  if (!isLoopback(bound) || header === undefined) return true
  const name = hostName(header)
  return ["localhost", "127.0.0.1", "[::1]", bound, `[${bound}]`].includes(name)
}

const PREFLIGHT_SECONDS = 600
/** `*` doesn't cover Authorization (spec 03 §0.1(7)), so headers are always named. */
const ALWAYS_ALLOWED = ["Authorization", "Content-Type", "X-Request-ID"]

export const isPreflight = (method: string, headers: Headers): boolean =>
  method === "OPTIONS" && headers["origin"] !== undefined && headers["access-control-request-method"] !== undefined

/** For every response to a page of another origin; the origin is repeated because credentials forbid `*`. */
export const corsHeaders = (origin: string | undefined): Readonly<Record<string, string>> =>
  origin === undefined
    ? {}
    : {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "X-Request-ID",
        vary: "Origin"
      }

/** Also names what the client asked for: SDKs send headers of their own. */
export const preflightHeaders = (headers: Headers): Readonly<Record<string, string>> => {
  const asked = (headers["access-control-request-headers"] ?? "").split(",").map((name) => name.trim())
  const known = new Set(ALWAYS_ALLOWED.map((name) => name.toLowerCase()))
  const added = asked.filter((name) => name !== "" && !known.has(name.toLowerCase()))
  return {
    "access-control-allow-methods": "GET, HEAD, POST, OPTIONS",
    "access-control-allow-headers": [...ALWAYS_ALLOWED, ...added].join(", "),
    "access-control-max-age": String(PREFLIGHT_SECONDS)
  }
}
