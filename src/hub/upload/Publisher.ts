/** The live Publisher: the Hub's own sequence of preupload, LFS objects and commit. */
import { Effect, Layer } from "effect"
import { UploadFailed } from "../../domain/Errors.js"
import { type Publication, Publisher, type Upload } from "../../services/Publisher.js"
import { Workspaces } from "../../services/Workspaces.js"
import { HubClient } from "../Client.js"
import { repoPath } from "../Hub.js"
import { withLibrary } from "../Library.js"
import { commit } from "./Commit.js"
import { type LargeFile, storeLargeFiles } from "./LargeFiles.js"
import { sorted } from "./Modes.js"
import { changed, firstChanged } from "./Unchanged.js"

/** Codes by which the Hub says that what shall be made is there. */
const isThere = (problem: string): boolean => problem.startsWith("HTTP 409")

const make = Effect.gen(function* () {
  const client = yield* HubClient
  const workspaces = yield* Workspaces

  /** Making what is there already is no failure. */
  const created = (repo: string, branch: string, call: Parameters<typeof withLibrary>[3]) =>
    withLibrary(client, { operation: `creating ${repo}`, repo, revision: branch }, "write", call).pipe(
      Effect.asVoid,
      Effect.catchTag("HubUnavailable", (error) => (isThere(error.problem) ? Effect.void : Effect.fail(error)))
    )

  /** Fails when a file isn't the one that was listed: its bytes would not be those that were compared. */
  const unchanged = ({ files, repo, root }: Publication): Effect.Effect<void, UploadFailed> =>
    Effect.flatMap(
      Effect.promise(() => firstChanged(root, files)),
      (other) => (other === null ? Effect.void : new UploadFailed({ repo, problem: changed(other) }))
    )

  const hashed = ({ repo, root }: Publication, file: Upload) =>
    Effect.gen(function* () {
      const sha256 = file.sha256 ?? (yield* workspaces.hash(root, file, "sha256"))
      return sha256 === null
        ? yield* new UploadFailed({ repo, problem: changed(file) })
        : ({ ...file, sha256 } satisfies LargeFile)
    })

  return Publisher.of({
    createRepo: (repo) =>
      created(repo, "main", async (library, options) => {
        // A bare name means a repo of the user's own.
        const owner = repo.includes("/") ? "" : `${(await library.whoAmI(options)).name}/`
        return library.createRepo({ ...options, repo: { type: "model", name: owner + repo }, visibility: "private" })
      }),
    createBranch: (repo, branch) =>
      created(repo, branch, (library, options) =>
        library.createBranch({ ...options, repo: { type: "model", name: repoPath(repo) }, branch })
      ),
    publish: Effect.fn("Publisher.publish")(
      function* (publication, emit) {
        const { inline, large } = yield* sorted(publication, publication.files)
        const files = yield* Effect.forEach(large, (file) =>
          Effect.zipRight(
            Effect.sync(() => {
              if (file.sha256 === null) emit({ _tag: "Hashing", path: file.path, size: file.size })
            }),
            hashed(publication, file)
          )
        )
        // The same content twice is one object.
        const objects = [...new Map(files.map((file) => [file.sha256, file])).values()]
        emit({ _tag: "Uploading", files: objects.length, bytes: objects.reduce((sum, { size }) => sum + size, 0) })
        const steady = unchanged(publication)
        yield* Effect.tapError(storeLargeFiles(publication, objects, emit), () => steady)
        yield* steady
        if (files.length + inline.length === 0) return { commit: null, url: null, paths: [] }
        emit({ _tag: "Committing", files: files.length + inline.length })
        const paths = [...files, ...inline].map(({ path }) => path)
        return { ...(yield* Effect.tapError(commit(publication, files, inline), () => steady)), paths }
      },
      Effect.provideService(HubClient, client)
    )
  })
})

export const layer: Layer.Layer<Publisher, never, HubClient | Workspaces> = Layer.effect(Publisher, make)
