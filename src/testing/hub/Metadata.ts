/** The reading half of the fake Hub's API: revisions, the paged tree, who a token belongs to. */
import type { Store, StoredFile, StoredRepo } from "./Store.js"
import { treeAt } from "./Store.js"
import type { Routes } from "./Upload.js"
import { answer, type Call, refuse } from "./Wire.js"

export interface MetadataOptions {
  readonly store: Store
  /** Entries of one page of a tree. */
  readonly pageSize: number
}

const sibling = ({ blobId, etag, lfs, path, size }: StoredFile, blobs: boolean) =>
  blobs
    ? { rfilename: path, size, blobId, ...(lfs ? { lfs: { sha256: etag, size, pointerSize: 134 } } : {}) }
    : { rfilename: path }

const entry = ({ blobId, etag, lfs, path, size }: StoredFile) => ({
  type: "file",
  path,
  size,
  oid: blobId,
  ...(lfs ? { lfs: { oid: etag, size, pointerSize: 134 } } : {})
})

const revision = (call: Call, repo: StoredRepo, name: string) => {
  const found = treeAt(repo, name)
  if (found === null) return refuse(call, 404, "RevisionNotFound", `Invalid rev id: ${name}`)
  const blobs = ["true", "1"].includes(call.url.searchParams.get("blobs")?.toLowerCase() ?? "")
  answer(call, {
    _id: repo.name,
    id: repo.name,
    modelId: repo.name,
    sha: found.commit,
    private: repo.private,
    gated: false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
    siblings: [...found.tree.values()].map((file) => sibling(file, blobs))
  })
}

const tree = (call: Call, repo: StoredRepo, name: string, pageSize: number) => {
  const found = treeAt(repo, name)
  if (found === null) return refuse(call, 404, "RevisionNotFound", `Invalid rev id: ${name}`)
  const files = [...found.tree.values()]
  const from = Number(call.url.searchParams.get("cursor") ?? "0")
  const next = new URL(call.url)
  next.searchParams.set("cursor", String(from + pageSize))
  if (from + pageSize < files.length) call.response.setHeader("link", `<${next.href}>; rel="next"`)
  answer(call, files.slice(from, from + pageSize).map(entry))
}

/** Answers true when the request was one of its own. Private repos are there for tokens only. */
export const metadataRoutes =
  ({ pageSize, store }: MetadataOptions): Routes =>
  async (call) => {
    if (call.method !== "GET") return false
    if (call.url.pathname === "/api/whoami-v2") {
      if (call.token === null) refuse(call, 401, null, "Invalid username or password.")
      else
        answer(call, {
          type: "user",
          id: "0",
          name: "tester",
          fullname: "tester",
          orgs: [],
          auth: { type: "access_token" }
        })
      return true
    }
    const [api, kind, organization, name, verb = "revision", ...revisionParts] = call.path
    if (api !== "api" || kind !== "models") return false
    const repo = store.repos.get(`${organization}/${name}`)
    const at = revisionParts.join("/") || "main"
    if (repo === undefined || (repo.private && call.token === null)) {
      refuse(call, call.token === null ? 401 : 404, "RepoNotFound", "Repository not found")
    } else if (verb === "revision") revision(call, repo, at)
    else if (verb === "tree") tree(call, repo, at, pageSize)
    else return false
    return true
  }
