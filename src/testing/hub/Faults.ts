/** What a fake Hub does wrong, on purpose. */
import type { BodyTrouble, Call } from "./Wire.js"

/** Refuse with a status; take that many bytes of the request's body, then reset the connection; or send a bad body. */
export type Trouble =
  | BodyTrouble
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | { readonly resetAfterBytes: number }

export interface Fault {
  /** Which requests, by `METHOD /path`. */
  readonly when: RegExp
  /** How many of them, in order. */
  readonly times: number
  readonly trouble: Trouble
}

const reset = ({ request }: Call, afterBytes: number) => {
  let seen = 0
  const cut = () => request.socket.resetAndDestroy()
  if (afterBytes === 0) return cut()
  request.on("data", (chunk: Buffer) => {
    seen += chunk.length
    if (seen >= afterBytes) cut()
  })
}

/** Faults in order; each is used up after its number of requests. */
export const makeFaults = () => {
  let planned: ReadonlyArray<Fault> = []
  return {
    plan: (faults: ReadonlyArray<Fault>) => {
      planned = faults
    },
    /** True when the request met a fault and is answered. */
    strike: (call: Call): boolean => {
      const line = `${call.method} ${call.url.pathname}`
      const fault = planned.find(({ times, when }) => times > 0 && when.test(line))
      if (fault === undefined) return false
      planned = planned.map((other) => (other === fault ? { ...other, times: other.times - 1 } : other))
      const { trouble } = fault
      if (!("status" in trouble || "resetAfterBytes" in trouble)) {
        call.trouble = trouble
        return false
      }
      if ("status" in trouble) {
        call.request.resume()
        call.response.writeHead(trouble.status, trouble.headers).end(trouble.body ?? "")
      } else reset(call, trouble.resetAfterBytes)
      return true
    }
  }
}
