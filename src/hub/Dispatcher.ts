/**
 * The connections to the Hub: proxies, timeouts, keep-alive. undici, which is also behind Node's `fetch`, because `fetch` takes no
 * proxy in Node 20 and reads the file that it uploads into memory; undici's `request` streams both ways.
 */
import { type LookupAddress, type LookupOptions, promises } from "node:dns"
import type { LookupFunction } from "node:net"
import { Either } from "effect"
import { Agent, type buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from "undici"
import type { SettingsValues } from "../services/Settings.js"
import { ConnectionFailure, connectionProblem, NO_PROXY_ADDRESS, proxyProblem, proxyStatusProblem } from "./Failures.js"
import { makeBytePool, type PoolOptions } from "./http/BytePool.js"
import { connectForBulk } from "./http/LargeReads.js"
import { MAX_LIMIT } from "./transfer/Pace.js"

const CONNECT_TIMEOUT_MS = 20_000
/** Longest silence: before the answer begins, after the last byte sent or received. Uploads renew it with every piece. */
const SILENCE_TIMEOUT_MS = 60_000

/** `bulk` is for handlers that use up all data at once (http/LargeReads). */
export type Purpose = "calls" | "bulk"

/**
 * Asking a proxy for a tunnel comes to an end, and fails with what the proxy said: undici waits five minutes, and asks again
 * without end when the proxy hangs up.
 */
const askedInTime: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch(
    { ...options, headersTimeout: CONNECT_TIMEOUT_MS },
    {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onRequestUpgrade: (controller, status, headers, socket) => {
        if (status === 200) return handler.onRequestUpgrade?.(controller, status, headers, socket)
        socket.on("error", () => {}).destroy()
        handler.onResponseError?.(controller, new ConnectionFailure(proxyProblem(proxyStatusProblem(status))))
      },
      onResponseError: (controller, error) =>
        handler.onResponseError?.(controller, new ConnectionFailure(proxyProblem(connectionProblem(error))))
    }
  )

/** `proxy.example:3128` means `http://`, as everywhere. Empty, not absent: an absent one would be looked up in the environment. */
const addressOf = (proxy: string | null): string =>
  proxy === null || proxy === "" || proxy.includes("://") ? (proxy ?? "") : `http://${proxy}`

/** Connections that are opened together share an answer. */
const LOOKUP_KEPT_MS = 10_000

/**
 * Looks a host up once for many connections. undici's own interceptor for this takes names from a proxy that has to look them
 * up itself; of the packages none is both maintained and small.
 */
const sharedLookup = (): LookupFunction => {
  const kept = new Map<string, Promise<ReadonlyArray<LookupAddress>>>()
  const ask = (key: string, host: string, options: LookupOptions) => {
    const answer = promises.lookup(host, { ...options, all: true })
    kept.set(key, answer)
    setTimeout(() => kept.delete(key), LOOKUP_KEPT_MS).unref()
    answer.catch(() => kept.delete(key))
    return answer
  }
  return (host, { all, ...options }, answered) => {
    const key = JSON.stringify([host, options])
    ;(kept.get(key) ?? ask(key, host, options)).then(
      (addresses) => {
        const [first] = addresses
        if (all === true) answered(null, [...addresses])
        else answered(null, first?.address ?? "", first?.family)
      },
      (error: NodeJS.ErrnoException) => answered(error, "")
    )
  }
}

/** undici knows the way to a host, past or through proxies; what goes over it is ours. */
const bulk = (connecting: buildConnector.BuildOptions) => ({
  connect: connectForBulk(connecting),
  factory: (origin: string | URL, options: object) => makeBytePool(new URL(origin), options as PoolOptions)
})

/** Certificates of a company's own authority come by NODE_EXTRA_CA_CERTS, which Node reads itself. */
export const makeDispatcher = (
  { httpProxy, httpsProxy, noProxy }: SettingsValues["hub"],
  purpose: Purpose
): Dispatcher => {
  const connecting = { timeout: CONNECT_TIMEOUT_MS, lookup: sharedLookup() }
  return Either.getOrElse(
    Either.try(
      () =>
        new EnvHttpProxyAgent({
          httpProxy: addressOf(httpProxy),
          httpsProxy: addressOf(httpsProxy),
          noProxy: noProxy ?? "",
          clientFactory: (url, options) => new Pool(url, options).compose(askedInTime),
          connections: MAX_LIMIT,
          ...(purpose === "bulk" ? bulk(connecting) : { connect: connecting }),
          headersTimeout: SILENCE_TIMEOUT_MS,
          bodyTimeout: SILENCE_TIMEOUT_MS
        })
    ),
    // Around a proxy whose address can't be read goes nobody.
    () => new Agent({ connect: (_, callback) => callback(new ConnectionFailure(NO_PROXY_ADDRESS), null) })
  )
}
