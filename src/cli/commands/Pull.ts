/** `pull <model …>` (spec 01 §1.7, §8). */
import { Effect, Either, Layer, Stream } from "effect"
import type { PullOptions } from "../../operations/Pull.js"
import { Remote } from "../../services/Remote.js"
import { Settings } from "../../services/Settings.js"
import { command, type Values } from "../CommandFile.js"
import { filled, json, type Reader, required, rest, toggle, value } from "../Parameter.js"

const RATE_UNITS: Readonly<Record<string, number>> = { "": 1, K: 1e3, M: 1e6, G: 1e9 }

/** `500K`, `20M`, `1.5G` or a plain number: bytes per second. */
const rate: Reader<number> = (text) => {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([KMG]?)B?(?:\/s)?$/i.exec(text) ?? []
  const bytes = Number(number) * (RATE_UNITS[unit.toUpperCase()] ?? 1)
  return bytes >= 1 ? Either.right(bytes) : Either.left(`invalid rate: '${text}' (such as 500K, 20M or 1.5G)`)
}

const patterns: Reader<ReadonlyArray<string>> = (text) =>
  Either.map(filled(text), (list) =>
    list
      .split(",")
      .map((pattern) => pattern.trim())
      .filter((pattern) => pattern !== "")
  )

/** What `pull` and `update` share. */
export const transferParameters = {
  maxRate: value("max-rate", rate, "At most so many bytes per second, such as 20M"),
  events: toggle("events", "Report on stderr in NDJSON (docs/events.md)"),
  offline: toggle("offline", "Ask nobody: succeed only with what is cached")
}

const parameters = {
  model: required("model", "Model to download: <organisation>/<name>, or name@revision"),
  more: rest("more", "More models"),
  include: value("include", patterns, "Only files that match, such as '*.json,*.safetensors'"),
  exclude: value("exclude", patterns, "Not the files that match"),
  dryRun: toggle("dry-run", "Only show what would be downloaded"),
  forceResume: toggle("force-resume", "Complete a damaged model: hash what is here, fetch what is wrong or missing"),
  ...transferParameters,
  json
}

const optionsOf = (values: Values<typeof parameters>): PullOptions => ({
  resume: values.forceResume,
  include: values.include ?? [],
  exclude: values.exclude ?? [],
  maxRate: values.maxRate,
  dryRun: values.dryRun
})

/** The layer of everything remote; with `offline` it asks nobody, as with HF_HUB_OFFLINE. */
export const remoteLayer = (offline: boolean) =>
  Effect.gen(function* () {
    const remote = yield* Remote
    const settings = yield* Settings
    const hub = { ...settings.hub, offline: settings.hub.offline || offline }
    return Layer.provide(remote, Layer.succeed(Settings, { ...settings, hub }))
  })

export const pull = command("pull", { about: "Download a model", parameters }, (values) =>
  Effect.gen(function* () {
    // Loaded when they are wanted: the other commands start without them.
    const { pull: pullModel } = yield* Effect.promise(() => import("../../operations/Pull.js"))
    const { followAll, followOne } = yield* Effect.promise(() => import("../Pulling.js"))
    const layer = yield* remoteLayer(values.offline)
    const pulling = (name: string) => ({
      name,
      events: Stream.provideSomeLayer(pullModel(name, optionsOf(values)), layer)
    })
    yield* values.more.length === 0
      ? followOne("pull", pulling(values.model), values.events)
      : followAll("pull", [values.model, ...values.more].map(pulling), values.events)
  })
)
