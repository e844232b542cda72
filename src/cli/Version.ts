/**
 * What `--version` says. Imports nothing of this program and no package: the entry answers with it before anything heavy is
 * loaded.
 */
import { createRequire } from "node:module"

/** Put in by the build; absent when the sources run directly. */
declare const MLXK_VERSION: string

const fromPackage = (): string => {
  const { version }: { version: string } = createRequire(import.meta.url)("../../package.json")
  return version
}

export const VERSION: string = typeof MLXK_VERSION === "string" ? MLXK_VERSION : fromPackage()

/** Version of the JSON documents (spec 01 §13.2). */
export const JSON_API_VERSION = "0.1.5"

/** The name shown by `--version`: that of the invoked file (spec 01 §1.1), here without the script's extension. */
export const programName = (script: string | undefined): string =>
  /([^/\\]+?)(?:\.[cm]?[jt]s)?$/.exec(script ?? "")?.[1] ?? "mlxk"

/** The whole answer to `--version` (spec 01 §13.3). */
export const versionText = (program: string, json: boolean): string =>
  json
    ? `${JSON.stringify({ status: "success", command: "version", data: { cli_version: VERSION, json_api_spec_version: JSON_API_VERSION }, error: null }, null, 2)}\n`
    : `${program} ${VERSION}\n`

/** The answer when the arguments are `--version`, alone or with `--json`; null for everything else. */
export const quickAnswer = (argv: ReadonlyArray<string>, program: string): string | null =>
  argv.includes("--version") && argv.every((argument) => argument === "--version" || argument === "--json")
    ? versionText(program, argv.includes("--json"))
    : null
