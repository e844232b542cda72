/** Reading requests and writing answers of a fake Hub. */
import type { IncomingMessage, ServerResponse } from "node:http"

/** One request with what its address says. `token` is null without one. */
export interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  readonly url: URL
  /** The path, decoded by segment. */
  readonly path: ReadonlyArray<string>
  readonly token: string | null
  /** What shall go wrong with the bytes of the answer; set by the faults. */
  trouble: BodyTrouble | null
}

/** What goes wrong with the bytes of a download, on purpose. */
export type BodyTrouble =
  /** Sends so many bytes of the body, then ends it as told. */
  | { readonly afterBytes: number; readonly ending: "drop" | "reset" | "stall" | "end" }
  /** One bit is wrong, in the byte at this position of the body. */
  | { readonly flipAt: number }
  /** A range is asked for, the whole file is sent. */
  | { readonly ignoreRange: true }
  /** Another range is sent than was asked for, and said so. */
  | { readonly shiftRange: number }
  /** The length that is announced differs by so much from what is sent. */
  | { readonly lengthOff: number }
  /** The body claims to be compressed. */
  | { readonly encoding: string }

export const callOf = (request: IncomingMessage, response: ServerResponse, origin: string): Call => {
  const url = new URL(request.url ?? "/", origin)
  return {
    request,
    response,
    method: request.method ?? "GET",
    url,
    path: url.pathname.split("/").slice(1).map(decodeURIComponent),
    token: /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? null,
    trouble: null
  }
}

export const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Array<Buffer> = []
  for await (const part of request) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
}

export const readJson = async (request: IncomingMessage): Promise<Record<string, unknown>> => {
  const value: unknown = JSON.parse((await readBody(request)).toString("utf8") || "{}")
  return typeof value === "object" && value !== null ? { ...value } : {}
}

export const answer = ({ response }: Call, value: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value))
}

/** A refusal as the Hub words it: the code in the header, the text in the body. */
export const refuse = ({ response }: Call, status: number, code: string | null, text: string): void => {
  response
    .writeHead(status, {
      "content-type": "application/json",
      ...(code === null ? {} : { "x-error-code": code }),
      "x-error-message": text
    })
    .end(JSON.stringify({ error: text }))
}
