/** The live Settings layer: the only reader of environment variables but the launcher's compile cache. */

import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { isAbsolute, join, resolve } from "node:path"
import { Config, type ConfigError, Effect, Either, Layer, Option, Redacted } from "effect"
import { Settings, type SettingsValues } from "./services/Settings.js"

const HUB = "https://huggingface.co"

/** Empty counts as unset, everywhere (spec 01 §0.1(2)). */
const text = (name: string): Config.Config<string | null> =>
  Config.option(Config.nonEmptyString(name)).pipe(Config.map(Option.getOrNull))

/** Open for 1, true, yes and on in any case, and nothing else (spec 01 §0.1(3)). */
const gate = (name: string): Config.Config<boolean> =>
  Config.map(text(name), (value) => value !== null && /^(1|true|yes|on)$/i.test(value))

/** Set by exactly `1` (spec 01 §1.8). */
const exactlyOne = (name: string): Config.Config<boolean> => Config.map(text(name), (value) => value === "1")

/** On unless it is exactly `0`. */
const unlessZero = (name: string): Config.Config<boolean> => Config.map(text(name), (value) => value !== "0")

/** The name in capitals first, then in small letters: proxies have been written both ways since there are any. */
const eitherCase = (name: string): Config.Config<string | null> =>
  Config.zipWith(text(name), text(name.toLowerCase()), (capitals, small) => capitals ?? small)

/** A token as huggingface_hub takes it: without line breaks and outer spaces, and none when nothing is left. */
const tokenIn = (written: string | null): Option.Option<Redacted.Redacted> =>
  Option.some((written ?? "").replace(/[\r\n]/g, "").trim()).pipe(
    Option.filter((token) => token !== ""),
    Option.map(Redacted.make)
  )

const token = (name: string) => Config.map(text(name), tokenIn)

const raw = Config.all({
  hfHubCache: text("HF_HUB_CACHE"),
  oldHubCache: text("HUGGINGFACE_HUB_CACHE"),
  hfHome: text("HF_HOME"),
  xdgCacheHome: text("XDG_CACHE_HOME"),
  token: token("HF_TOKEN"),
  oldToken: token("HUGGINGFACE_HUB_TOKEN"),
  tokenPath: text("HF_TOKEN_PATH"),
  endpoint: text("HF_ENDPOINT"),
  offline: gate("HF_HUB_OFFLINE"),
  httpProxy: eitherCase("HTTP_PROXY"),
  httpsProxy: eitherCase("HTTPS_PROXY"),
  noProxy: eitherCase("NO_PROXY"),
  alphaFeatures: gate("MLXK2_ENABLE_ALPHA_FEATURES"),
  pipes: gate("MLXK2_ENABLE_PIPES"),
  strictTestDelete: exactlyOne("MLXK2_STRICT_TEST_DELETE"),
  debug: gate("MLXK2_DEBUG"),
  logJson: exactlyOne("MLXK2_LOG_JSON"),
  logLevel: text("MLXK2_LOG_LEVEL"),
  progressBarsDisabled: gate("HF_HUB_DISABLE_PROGRESS_BARS"),
  workspaceHome: text("MLXK_WORKSPACE_HOME"),
  host: text("MLXK2_HOST"),
  port: text("MLXK2_PORT"),
  preloadModel: text("MLXK2_PRELOAD_MODEL"),
  maxTokens: text("MLXK2_MAX_TOKENS"),
  reload: exactlyOne("MLXK2_RELOAD"),
  media: Config.all({
    visionChunkSize: text("MLXK2_VISION_CHUNK_SIZE"),
    exifMetadata: unlessZero("MLXK2_EXIF_METADATA"),
    visionMetadataContext: unlessZero("MLXK2_VISION_METADATA_CONTEXT"),
    audioSegments: exactlyOne("MLXK2_AUDIO_SEGMENTS")
  }),
  embed: Config.all({
    backend: text("MLXK2_EMBED_BACKEND"),
    model: text("MLXK2_EMBED_MODEL"),
    cpu: exactlyOne("MLXK2_EMBED_CPU")
  })
})

type Raw = Config.Config.Success<typeof raw>

/** Where the Hub's libraries keep what is theirs, the token among it. */
const hfHome = ({ hfHome: given, xdgCacheHome }: Raw, home: string): string =>
  absolute(given ?? join(xdgCacheHome ?? join(home, ".cache"), "huggingface"))

/** Where the models lie: the first variable that is set decides, as in the Hub's own libraries (spec 01 §0.1(2)). */
const hubCache = (read: Raw, home: string): string => {
  const explicit = read.hfHubCache ?? read.oldHubCache
  return explicit === null ? join(hfHome(read, home), "hub") : absolute(explicit)
}

/** What a login left; a file that is missing, unreadable or blank holds no token. */
const storedToken = (read: Raw, home: string): Option.Option<Redacted.Redacted> =>
  Either.try(() => readFileSync(read.tokenPath ?? join(hfHome(read, home), "token"), "utf8")).pipe(
    Either.getRight,
    Option.flatMap(tokenIn)
  )

const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(path))

/** A user without a name and without HOME has none: then the root stands for it, where nothing of theirs can be found. */
const homeDirectory = (): string => {
  try {
    return homedir()
  } catch {
    return "/"
  }
}

const values = Effect.map(raw, (read): SettingsValues => {
  const home = homeDirectory()
  const { host, port, preloadModel, maxTokens, reload } = read
  const writing = Option.orElse(read.token, () => storedToken(read, home))
  return {
    hubCache: hubCache(read, home),
    home,
    hubToken: Option.getOrNull(Option.firstSomeOf([read.token, read.oldToken, writing])),
    pushToken: Option.getOrNull(writing),
    hub: {
      endpoint: (read.endpoint ?? HUB).replace(/\/+$/, ""),
      offline: read.offline,
      httpProxy: read.httpProxy,
      httpsProxy: read.httpsProxy,
      noProxy: read.noProxy
    },
    alphaFeatures: read.alphaFeatures,
    pipes: read.pipes,
    strictTestDelete: read.strictTestDelete,
    debug: read.debug,
    logJson: read.logJson,
    logLevel: read.logLevel,
    progressBarsDisabled: read.progressBarsDisabled,
    workspaceHome: read.workspaceHome,
    serve: { host, port, preloadModel, maxTokens, reload },
    media: read.media,
    embed: read.embed
  }
})

/** Reads the environment when built. Every variable is optional text, so reading can't fail. */
export const layer: Layer.Layer<Settings> = Layer.effect(
  Settings,
  Effect.catchAll(values, (error: ConfigError.ConfigError) => Effect.die(error))
)
