/** Everything the environment decides (spec 01 §1.8), read in one place: `settings/` of the live layer, nowhere else. */
import { Context, type Redacted } from "effect"

export interface SettingsValues {
  /** The directory with the `models--…` repos, absolute (spec 01 §0.1(2)). */
  readonly hubCache: string
  /** The user's home directory, shortened to `~` in everything shown. */
  readonly home: string
  /** HF_TOKEN, else HUGGINGFACE_HUB_TOKEN, else the token file (HF_TOKEN_PATH, else `token` beside the cache). */
  readonly hubToken: Redacted.Redacted | null
  /** The token that may write: the same without the old name, which `push` never read (spec 01 §1.8). */
  readonly pushToken: Redacted.Redacted | null
  /** The Hub, or a mirror of it, and the way there. */
  readonly hub: {
    /** HF_ENDPOINT without a slash at its end. */
    readonly endpoint: string
    /** HF_HUB_OFFLINE: no request at all. */
    readonly offline: boolean
    /** HTTP_PROXY and HTTPS_PROXY, in either case; null when unset. */
    readonly httpProxy: string | null
    readonly httpsProxy: string | null
    /** NO_PROXY, in either case: hosts reached directly; null when unset. */
    readonly noProxy: string | null
  }
  /** MLXK2_ENABLE_ALPHA_FEATURES. */
  readonly alphaFeatures: boolean
  /** MLXK2_ENABLE_PIPES: `-` reads stdin. */
  readonly pipes: boolean
  /** MLXK2_STRICT_TEST_DELETE is exactly 1. */
  readonly strictTestDelete: boolean
  /** MLXK2_DEBUG. */
  readonly debug: boolean
  /** MLXK2_LOG_JSON is exactly 1. */
  readonly logJson: boolean
  /** MLXK2_LOG_LEVEL, lower case; null when unset. */
  readonly logLevel: string | null
  /** HF_HUB_DISABLE_PROGRESS_BARS. */
  readonly progressBarsDisabled: boolean
  /** MLXK_WORKSPACE_HOME, absolute or as given; null when unset. */
  readonly workspaceHome: string | null
  /** Environment defaults of `serve`; flags win (spec 02 R1.5). Null when unset. */
  readonly serve: {
    readonly host: string | null
    readonly port: string | null
    readonly preloadModel: string | null
    readonly maxTokens: string | null
    /** MLXK2_RELOAD is exactly 1. */
    readonly reload: boolean
  }
  /** For models that see and hear; read by the commands that run them. */
  readonly media: {
    /** MLXK2_VISION_CHUNK_SIZE: images per batch. Null when unset. */
    readonly visionChunkSize: string | null
    /** MLXK2_EXIF_METADATA isn't `0`. */
    readonly exifMetadata: boolean
    /** MLXK2_VISION_METADATA_CONTEXT isn't `0`. */
    readonly visionMetadataContext: boolean
    /** MLXK2_AUDIO_SEGMENTS is exactly 1. */
    readonly audioSegments: boolean
  }
  /** For the embeddings server; MLXK2_EMBED_BACKEND alone must not enable the proxy (spec 02 R1.4). Null when unset. */
  readonly embed: {
    readonly backend: string | null
    readonly model: string | null
    /** MLXK2_EMBED_CPU is exactly 1. */
    readonly cpu: boolean
  }
}

export class Settings extends Context.Tag("mlxk/Settings")<Settings, SettingsValues>() {}
