/** The bytes of a push as the progress view of a pull shows them. Pure. */
import type { TransferEvent } from "../domain/Pull.js"
import type { PushEvent } from "../domain/Push.js"

type Progress = Extract<TransferEvent, { readonly _tag: "Progress" }>

/** What has been sent. Times in milliseconds. */
export interface Sending {
  readonly startedAt: number
  readonly shownAt: number
  readonly totalBytes: number
  /** Bytes of files that are stored, and of those among them that had to be sent. */
  readonly storedBytes: number
  readonly sentBytes: number
  readonly active: ReadonlyMap<string, { readonly sent: number; readonly size: number }>
}

/** Between two pictures. */
const EVERY_MS = 250

export const nothingSent: Sending = {
  startedAt: 0,
  shownAt: 0,
  totalBytes: 0,
  storedBytes: 0,
  sentBytes: 0,
  active: new Map()
}

export const sending = (before: Sending, event: PushEvent, now: number): Sending => {
  switch (event._tag) {
    case "Uploading":
      return { ...nothingSent, startedAt: now, totalBytes: event.bytes }
    case "Sent":
      return { ...before, active: new Map([...before.active, [event.path, { sent: event.sent, size: event.size }]]) }
    case "Stored":
      return {
        ...before,
        storedBytes: before.storedBytes + event.size,
        sentBytes: before.sentBytes + (event.alreadyThere ? 0 : event.size),
        active: new Map([...before.active].filter(([path]) => path !== event.path))
      }
    default:
      return before
  }
}

/** The picture at this moment; null when the last one is too new. */
export const progressOf = (state: Sending, repo: string, now: number): Progress | null => {
  if (now - state.shownAt < EVERY_MS) return null
  const files = [...state.active].map(([path, { sent, size }]) => ({ path, doneBytes: sent, totalBytes: size }))
  const onTheWay = files.reduce((sum, { doneBytes }) => sum + doneBytes, 0)
  const seconds = (now - state.startedAt) / 1000
  return {
    _tag: "Progress",
    model: repo,
    doneBytes: state.storedBytes + onTheWay,
    totalBytes: state.totalBytes,
    bytesPerSecond: seconds > 0 ? Math.round((state.sentBytes + onTheWay) / seconds) : 0,
    active: files
  }
}
