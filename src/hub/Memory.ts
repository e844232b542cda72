/** A Hub without a network: the repos it is given, for tests and for programs that must not reach out. */
import { Effect, Layer } from "effect"
import { HubAccessDenied, type HubError, RepoNotFound } from "../domain/Errors.js"
import { Hub, type RepoRevision } from "../services/Hub.js"

/** One repo of the fake Hub; `branches` names further revisions that lead to the same commit. */
export interface MemoryRepo extends RepoRevision {
  readonly branches?: ReadonlyArray<string>
  /** Answers "access denied" like a gated repo whose terms were not accepted. */
  readonly gated?: boolean
}

/** `main`, the full commit and the named branches resolve; everything else is not found, as on the real Hub. */
export const layerMemory = (repos: ReadonlyArray<MemoryRepo>): Layer.Layer<Hub> => {
  const find = (repo: string, revision: string): Effect.Effect<RepoRevision, HubError> => {
    const found = repos.find(
      (known) => known.repo === repo && ["main", known.commit, ...(known.branches ?? [])].includes(revision)
    )
    if (found === undefined) return Effect.fail(new RepoNotFound({ repo, revision }))
    return found.gated === true
      ? Effect.fail(new HubAccessDenied({ repo, problem: "the repo is gated" }))
      : Effect.succeed({ repo, commit: found.commit, files: found.files })
  }
  return Layer.succeed(Hub, {
    revision: find,
    commit: (repo, revision) => Effect.map(find(repo, revision), ({ commit }) => commit)
  })
}
