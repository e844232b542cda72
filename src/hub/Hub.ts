/** The live Hub: what a repo holds at a revision. */
import { Effect, type Either, Layer } from "effect"
import { type HubError, RepoRefused } from "../domain/Errors.js"
import { Hub, type RepoFile } from "../services/Hub.js"
import { HubClient, type JsonAnswer } from "./Client.js"
import type { Subject } from "./Failures.js"
import { withLibrary } from "./Library.js"
import { commitOf, listingProblem, MAX_REPO_FILES, siblingsOf, treeFiles } from "./Listing.js"
import { pathProblem } from "./Paths.js"

/** `org/name` inside a URL. */
export const repoPath = (repo: string): string => repo.split("/").map(encodeURIComponent).join("/")

/** The Hub puts 50 to 1000 files on a page. */
const MAX_PAGES = MAX_REPO_FILES / 50

const make = Effect.gen(function* () {
  const client = yield* HubClient

  const about = (repo: string, revision: string): Subject => ({ operation: `the listing of ${repo}`, repo, revision })

  /** What would make another URL, or no directory name. */
  const namable = ({ repo, revision }: Subject): Effect.Effect<void, RepoRefused> => {
    const problem = pathProblem(repo) ?? pathProblem(revision)
    return problem === null ? Effect.void : new RepoRefused({ repo, problem: `its name or revision ${problem}` })
  }

  const trusted = <A>({ repo }: Subject, checked: Either.Either<A, string>): Effect.Effect<A, RepoRefused> =>
    Effect.mapError(
      checked,
      (problem) => new RepoRefused({ repo, problem: `the Hub's answer makes no sense: ${problem}` })
    )

  /** All pages of the tree; each page names the next. */
  const tree = (subject: Subject, commit: string): Effect.Effect<ReadonlyArray<RepoFile>, HubError> =>
    Effect.gen(function* () {
      const files: Array<RepoFile> = []
      let next: string | null = `/api/models/${repoPath(subject.repo)}/tree/${commit}?recursive=true`
      for (let pages = 0; next !== null; pages++) {
        if (pages > MAX_PAGES || files.length > MAX_REPO_FILES) {
          return yield* new RepoRefused({ repo: subject.repo, problem: `it has more than ${MAX_REPO_FILES} files` })
        }
        const page: JsonAnswer = yield* client.json({ url: next }, subject)
        for (const file of yield* trusted(subject, treeFiles(page.value))) files.push(file)
        next = page.next
      }
      return files
    })

  return Hub.of({
    revision: Effect.fn("Hub.revision")(function* (repo, revision) {
      const subject = about(repo, revision)
      yield* namable(subject)
      const at = `${repoPath(repo)}/revision/${encodeURIComponent(revision)}`
      const { value } = yield* client.json({ url: `/api/models/${at}?blobs=true` }, subject)
      const commit = yield* trusted(subject, commitOf(value, revision))
      const files = (yield* trusted(subject, siblingsOf(value))) ?? (yield* tree(subject, commit))
      const problem = listingProblem(files)
      return problem === null ? { repo, commit, files } : yield* new RepoRefused({ repo, problem })
    }),
    commit: Effect.fn("Hub.commit")(function* (repo, revision) {
      const subject = about(repo, revision)
      yield* namable(subject)
      const found = yield* withLibrary(client, subject, "read", (library, options) =>
        library.modelInfo({ ...options, name: repoPath(repo), revision, additionalFields: ["sha"] })
      )
      return yield* trusted(subject, commitOf(found, revision))
    })
  })
})

export const layer: Layer.Layer<Hub, never, HubClient> = Layer.effect(Hub, make)
