/** How far a transfer is, for whoever watches. */
import type { ActiveFile, TransferEvent } from "../../domain/Pull.js"
import type { Job } from "./Job.js"

/** The rate is that of the last seconds. */
const RATE_WINDOW_MS = 4_000

export interface Progress {
  readonly received: (job: Job, bytes: number) => void
  readonly discarded: (job: Job, bytes: number) => void
  readonly opened: (job: Job) => void
  readonly finished: (job: Job) => void
  /** Bytes that came, resumed ones left out. */
  readonly receivedBytes: () => number
  readonly event: () => TransferEvent
}

export const makeProgress = (
  options: { readonly model: string; readonly doneBytes: number; readonly totalBytes: number },
  now: () => number
): Progress => {
  let done = options.doneBytes
  let received = 0
  const active = new Map<Job, number>()
  const samples: Array<{ readonly at: number; readonly bytes: number }> = [{ at: now(), bytes: 0 }]

  const rate = (): number => {
    const at = now()
    samples.push({ at, bytes: received })
    while (samples.length > 2 && at - (samples[1]?.at ?? at) >= RATE_WINDOW_MS) samples.shift()
    const first = samples[0] ?? { at, bytes: received }
    return at === first.at ? 0 : ((received - first.bytes) / (at - first.at)) * 1000
  }

  return {
    received: (job, bytes) => {
      done += bytes
      received += bytes
      active.set(job, (active.get(job) ?? 0) + bytes)
    },
    discarded: (job, bytes) => {
      done -= bytes
      active.set(job, 0)
    },
    opened: (job) => active.set(job, job.opened?.part.doneBytes() ?? 0),
    finished: (job) => active.delete(job),
    receivedBytes: () => received,
    event: () => ({
      _tag: "Progress",
      model: options.model,
      doneBytes: done,
      totalBytes: options.totalBytes,
      bytesPerSecond: Math.round(rate()),
      active: [...active].map(
        ([{ file }, doneBytes]): ActiveFile => ({ path: file.path, doneBytes, totalBytes: file.size })
      )
    })
  }
}
