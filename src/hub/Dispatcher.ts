/**
 * The connections to the Hub: proxies, timeouts, keep-alive. undici, which is also behind Node's `fetch`, because `fetch` takes no
 * proxy in Node 20 and reads the file that it uploads into memory; undici's `request` streams both ways.
 */
import { type Dispatcher, EnvHttpProxyAgent } from "undici"
import type { SettingsValues } from "../services/Settings.js"
import { connectForBulk } from "./transfer/LargeReads.js"

const CONNECT_TIMEOUT_MS = 20_000
/** Longest silence: before the answer begins, after the last byte sent or received. Uploads renew it with every piece. */
const SILENCE_TIMEOUT_MS = 60_000

/** `bulk` is for handlers that use up all data at once (transfer/LargeReads). */
export type Purpose = "calls" | "bulk"

/** Certificates of a company's own authority come by NODE_EXTRA_CA_CERTS, which Node reads itself. */
export const makeDispatcher = (
  { httpProxy, httpsProxy, noProxy }: SettingsValues["hub"],
  purpose: Purpose
): Dispatcher =>
  new EnvHttpProxyAgent({
    // Empty, not absent: an absent value would be looked up in the environment again.
    httpProxy: httpProxy ?? "",
    httpsProxy: httpsProxy ?? "",
    noProxy: noProxy ?? "",
    connect: purpose === "bulk" ? connectForBulk(CONNECT_TIMEOUT_MS) : { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: SILENCE_TIMEOUT_MS,
    bodyTimeout: SILENCE_TIMEOUT_MS
  })
