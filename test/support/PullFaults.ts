/** Every way a download can go wrong that the fake Hub knows, and what must hold after any of them. */
import { Effect } from "effect"
import type { Fault } from "../../src/testing/hub/Faults.js"
import { CONFIG, type Files, faultsIn, noise, type Place, publish, pullOf, refOf } from "./PullHub.js"

const BYTES = /^GET \/(files|acme\/tiny\/resolve)\//
const STORAGE = /^GET \/files\//
const LISTING = /^GET \/api\/models\//

/** By name; `times` is filled in by the test. */
export const FAULTS: Readonly<Record<string, Omit<Fault, "times">>> = {
  "drop at once": { when: BYTES, trouble: { afterBytes: 0, ending: "drop" } },
  "drop on the way": { when: BYTES, trouble: { afterBytes: 30_000, ending: "drop" } },
  "reset on the way": { when: BYTES, trouble: { afterBytes: 5_000, ending: "reset" } },
  "reset before the answer": { when: BYTES, trouble: { resetAfterBytes: 0 } },
  stall: { when: BYTES, trouble: { afterBytes: 20_000, ending: "stall" } },
  "end early": { when: BYTES, trouble: { afterBytes: 10_000, ending: "end" } },
  "announce more": { when: BYTES, trouble: { lengthOff: 1000 } },
  "announce less": { when: BYTES, trouble: { lengthOff: -50 } },
  "flip a bit": { when: BYTES, trouble: { flipAt: 40 } },
  "ignore ranges": { when: STORAGE, trouble: { ignoreRange: true } },
  "send another range": { when: STORAGE, trouble: { shiftRange: 512 } },
  "claim to compress": { when: BYTES, trouble: { encoding: "gzip" } },
  "401 of the storage": { when: STORAGE, trouble: { status: 401 } },
  "403 of the storage": { when: STORAGE, trouble: { status: 403 } },
  "404 of the storage": { when: STORAGE, trouble: { status: 404 } },
  "408": { when: BYTES, trouble: { status: 408 } },
  "416": { when: STORAGE, trouble: { status: 416 } },
  "429 with a delay": { when: BYTES, trouble: { status: 429, headers: { "retry-after": "0" } } },
  "500": { when: BYTES, trouble: { status: 500 } },
  "503 with a date": {
    when: BYTES,
    trouble: { status: 503, headers: { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" } }
  },
  "redirect in circles": { when: STORAGE, trouble: { status: 302, headers: { location: "?again" } } },
  "redirect out of http": { when: STORAGE, trouble: { status: 302, headers: { location: "ftp://example.org/x" } } },
  "403 of the Hub": {
    when: /^GET \/acme\/tiny\/resolve\//,
    trouble: { status: 403, headers: { "x-error-code": "GatedRepo" } }
  },
  "404 of the Hub": {
    when: /^GET \/acme\/tiny\/resolve\//,
    trouble: { status: 404, headers: { "x-error-code": "EntryNotFound" } }
  },
  "listing refused": { when: LISTING, trouble: { status: 403 } },
  "listing cut off": { when: LISTING, trouble: { resetAfterBytes: 0 } }
}

export const REPO = "acme/tiny"

/** Several chunks (of 64 KiB), a file the thread hashes, small ones, an empty one. */
export const FILES: Files = {
  "config.json": CONFIG,
  "empty.txt": "",
  "tokenizer.json": noise(9_000, 5),
  "model.safetensors": noise(700_001, 3),
  "vision.safetensors": noise(65_536, 4)
}

/**
 * Pulls through the faults, then without them. What must hold: after the first pull either the repo is there byte for byte, or
 * the failure is one of ours; nothing wrong has a final name; and the second pull completes. Answers what doesn't hold.
 */
export const survives = (place: Place, faults: ReadonlyArray<Fault>) =>
  Effect.gen(function* () {
    const commit = publish(place.hub, REPO, FILES)
    place.hub.plan(faults)
    const first = yield* pullOf(place, REPO)
    const between = faultsIn(place.cache, REPO, FILES)
    const claimed = first.error === null && refOf(place.cache, REPO) !== commit ? ["success without the ref"] : []
    place.hub.plan([])
    const second = yield* pullOf(place, REPO)
    const failed = second.error === null ? [] : [`the second pull fails: ${second.error.message}`]
    const after = refOf(place.cache, REPO) === commit ? faultsIn(place.cache, REPO, FILES) : ["no ref after both"]
    return [...between, ...claimed, ...failed, ...after]
  })
