/** The upload half of the fake Hub: preupload, LFS batch with whole and multipart objects, commits, new repos and branches. */
import { createHash } from "node:crypto"
import { createWriteStream, mkdtempSync } from "node:fs"
import { appendFile, readFile, rename } from "node:fs/promises"
import { join } from "node:path"
import { Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { addCommit, addRepo, type Change, type Store, type StoredRepo, treeAt } from "./Store.js"
import { answer, type Call, readBody, readJson, refuse } from "./Wire.js"

export interface UploadOptions {
  readonly store: Store
  /** Where objects and parts are laid down. */
  readonly directory: string
  /** Files of at least this size become LFS objects, and `*.safetensors` of any size. */
  readonly lfsFromBytes: number
  /** Objects above this size are sent in parts of this size. */
  readonly partBytes: number
  /** False for a bench: bytes are counted and thrown away, hashes believed. */
  readonly keepBytes: boolean
  /** Where signed addresses lead: the storage's origin. */
  readonly storage: () => string
  /** The Hub's own origin, for what follows the bytes. */
  readonly hub: () => string
}

/** What arrived; tests look at it. */
export interface UploadRecord {
  /** Bodies of parts and whole objects that came in completely, in order: `<oid>/<part>`, `<oid>/whole`. */
  readonly stored: Array<string>
  /** Bytes of all of them, and of those that broke off. */
  bytes: number
  /** Signed addresses that are no longer good. */
  readonly expired: Set<string>
}

interface Multipart {
  readonly directory: string
  readonly parts: Map<number, { readonly etag: string; readonly size: number }>
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")
const list = (value: unknown): ReadonlyArray<Record<string, unknown>> => (Array.isArray(value) ? value : [])

/** Answers true when the request was one of its own. */
export type Routes = (call: Call) => Promise<boolean>

export const uploadRoutes = (options: UploadOptions): { readonly routes: Routes; readonly record: UploadRecord } => {
  const { store } = options
  const record: UploadRecord = { stored: [], bytes: 0, expired: new Set() }
  const uploads = new Map<string, Multipart>()
  let plans = 0

  const repoOf = (call: Call, name: string): StoredRepo | null => {
    const repo = store.repos.get(name)
    if (repo !== undefined) return repo
    refuse(call, 404, "RepoNotFound", "Repository not found")
    return null
  }

  const preupload = async (call: Call, name: string, branch: string) => {
    const repo = repoOf(call, name)
    if (repo === null) return
    if (treeAt(repo, branch) === null) return refuse(call, 404, "RevisionNotFound", `Invalid rev id: ${branch}`)
    const { files } = await readJson(call.request)
    answer(call, {
      files: list(files).map(({ path, size }) => ({
        path,
        uploadMode: Number(size) >= options.lfsFromBytes || text(path).endsWith(".safetensors") ? "lfs" : "regular",
        shouldIgnore: false
      }))
    })
  }

  /** A new signed address each time, so that old ones can be declared expired. */
  const signed = (path: string) => `${options.storage()}/${path}?signature=${++plans}`

  const planOf = (oid: string, size: number, repo: string) => {
    if (store.objects.has(oid)) return { oid, size }
    const verify = { href: `${options.hub()}/verify/${repo}`, header: {} }
    if (size <= options.partBytes) {
      return { oid, size, actions: { upload: { href: signed(`objects/${oid}`), header: {} }, verify } }
    }
    const parts = Array.from({ length: Math.ceil(size / options.partBytes) }, (_, index) => String(index + 1))
    const header = Object.fromEntries(parts.map((part) => [part, signed(`parts/${oid}/${part}`)]))
    return {
      oid,
      size,
      actions: {
        upload: {
          href: `${options.hub()}/complete/${oid}`,
          header: { chunk_size: String(options.partBytes), ...header }
        },
        verify
      }
    }
  }

  const batch = async (call: Call, name: string) => {
    if (repoOf(call, name) === null) return
    const { objects } = await readJson(call.request)
    answer(call, {
      transfer: "multipart",
      objects: list(objects).map(({ oid, size }) => planOf(text(oid), Number(size), name))
    })
  }

  /** Takes a body into a file, or only counts it. Answers its size; rejects when it breaks off. */
  const take = async (call: Call, file: string): Promise<number> => {
    let size = 0
    const counter = new Transform({
      transform: (chunk, _, done) => {
        size += chunk.length
        record.bytes += chunk.length
        done(null, options.keepBytes ? chunk : undefined)
      }
    })
    await pipeline(call.request, counter, createWriteStream(file))
    return size
  }

  const isExpired = (call: Call): boolean => {
    if (!record.expired.has(call.url.href)) return false
    call.request.resume()
    call.response.writeHead(403, { "content-type": "application/xml" }).end("<Error><Code>AccessDenied</Code></Error>")
    return true
  }

  const digest = async (file: string) =>
    createHash("sha256")
      .update(await readFile(file))
      .digest("hex")

  const keep = async (call: Call, oid: string, size: number, file: string) => {
    if (options.keepBytes && (await digest(file)) !== oid)
      return refuse(call, 422, null, "the content has another hash")
    store.objects.set(oid, { size, content: options.keepBytes ? { file } : null })
    answer(call, { success: true })
  }

  const whole = async (call: Call, oid: string) => {
    if (isExpired(call)) return
    const file = join(options.directory, oid)
    const size = await take(call, `${file}.new`)
    await rename(`${file}.new`, file)
    record.stored.push(`${oid}/whole`)
    await keep(call, oid, size, file)
  }

  const part = async (call: Call, oid: string, number: number) => {
    if (isExpired(call)) return
    const upload = uploads.get(oid) ?? { directory: mkdtempSync(join(options.directory, "parts-")), parts: new Map() }
    uploads.set(oid, upload)
    const size = await take(call, join(upload.directory, String(number)))
    const etag = `"${oid.slice(0, 8)}-${number}-${size}"`
    upload.parts.set(number, { etag, size })
    record.stored.push(`${oid}/${number}`)
    call.response.writeHead(200, { etag }).end()
  }

  const complete = async (call: Call, oid: string) => {
    const upload = uploads.get(oid)
    const { parts } = await readJson(call.request)
    const named = list(parts).map(({ etag, partNumber }) => ({ number: Number(partNumber), etag: text(etag) }))
    const fits =
      named.length === upload?.parts.size && named.every(({ etag, number }) => upload.parts.get(number)?.etag === etag)
    if (upload === undefined || !fits) return refuse(call, 400, null, "the parts do not fit")
    const file = join(options.directory, oid)
    if (options.keepBytes)
      for (const { number } of named) await appendFile(file, await readFile(join(upload.directory, String(number))))
    const size = [...upload.parts.values()].reduce((sum, { size }) => sum + size, 0)
    uploads.delete(oid)
    await keep(call, oid, size, file)
  }

  const verify = async (call: Call) => {
    const { oid, size } = await readJson(call.request)
    if (store.objects.get(text(oid))?.size === size) return answer(call, {})
    refuse(call, 404, null, "no such object")
  }

  const changeOf = (key: unknown, value: Record<string, unknown>): ReadonlyArray<Change> => {
    const path = text(value["path"])
    switch (key) {
      case "file":
        return [{ path, content: Buffer.from(text(value["content"]), "base64") }]
      case "lfsFile":
        return [{ path, oid: text(value["oid"]), size: Number(value["size"]) }]
      case "deletedFile":
        return [{ path, deleted: true }]
      default:
        return []
    }
  }

  const commit = async (call: Call, name: string, branch: string) => {
    const repo = repoOf(call, name)
    if (repo === null) return
    const current = treeAt(repo, branch)
    if (current === null) return refuse(call, 404, "RevisionNotFound", `Invalid rev id: ${branch}`)
    const lines: ReadonlyArray<{ readonly key: unknown; readonly value: Record<string, unknown> }> = (
      await readBody(call.request)
    )
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    const header = lines.find(({ key }) => key === "header")?.value ?? {}
    const parent = header["parentCommit"]
    if (parent !== undefined && parent !== current.commit) {
      return refuse(call, 412, null, "A commit has happened since. Please refresh and try again.")
    }
    const changes = lines.flatMap(({ key, value }) => changeOf(key, value))
    const lacking = changes.find((change) => "oid" in change && !store.objects.has(change.oid))
    if (lacking !== undefined) return refuse(call, 400, null, `LFS object missing: ${lacking.path}`)
    const oid = addCommit(store, repo, branch, changes)
    answer(call, {
      success: true,
      commitOid: oid,
      commitUrl: `${call.url.origin}/${name}/commit/${oid}`,
      hookOutput: ""
    })
  }

  const createRepo = async (call: Call) => {
    const body = await readJson(call.request)
    const organization = text(body["organization"])
    const name = organization === "" ? text(body["name"]) : `${organization}/${text(body["name"])}`
    const url = `${call.url.origin}/${name}`
    if (store.repos.has(name)) return answer(call, { error: "You already created this model repo", url, name }, 409)
    addRepo(store, name, { private: body["private"] === true || body["visibility"] === "private" })
    answer(call, { url, name, id: name })
  }

  const createBranch = async (call: Call, name: string, branch: string) => {
    const repo = repoOf(call, name)
    if (repo === null) return
    const { startingPoint } = await readJson(call.request)
    if (repo.branches.has(branch)) return refuse(call, 409, null, `Reference already exists: ${branch}`)
    const start = treeAt(repo, text(startingPoint) || "main")
    if (start === null) return refuse(call, 404, "RevisionNotFound", "Invalid rev id")
    repo.branches.set(branch, start.commit)
    answer(call, {})
  }

  /** `/api/models/<org>/<name>/<verb>/<branch>`; a branch may have slashes of its own, encoded or not. */
  const ofModel = async (call: Call): Promise<boolean> => {
    const [, , organization, repo, verb, ...branch] = call.path
    const verbs = { preupload, commit, branch: createBranch }
    if (verb !== "preupload" && verb !== "commit" && verb !== "branch") return false
    await verbs[verb](call, `${organization}/${repo}`, branch.join("/"))
    return true
  }

  const api = async (call: Call): Promise<boolean> => {
    if (call.token === null) {
      call.request.resume()
      refuse(call, 401, null, "Invalid username or password.")
      return true
    }
    if (call.url.pathname === "/api/repos/create") {
      await createRepo(call)
      return true
    }
    if (call.url.pathname.startsWith("/api/models/")) return ofModel(call)
    const lfs = /^\/(.+)\.git\/info\/lfs\/objects\/batch$/.exec(call.url.pathname)
    if (lfs === null) return false
    await batch(call, decodeURIComponent(lfs[1] ?? ""))
    return true
  }

  const storage = async (call: Call): Promise<boolean> => {
    const [kind, oid = "", number] = call.path
    if (kind === "objects" && call.method === "PUT") await whole(call, oid)
    else if (kind === "parts" && call.method === "PUT") await part(call, oid, Number(number))
    else if (kind === "complete") await complete(call, oid)
    else if (kind === "verify") await verify(call)
    else return false
    return true
  }

  return {
    record,
    routes: async (call) => {
      if (call.method !== "POST" && call.method !== "PUT") return false
      return (await storage(call)) || (await api(call))
    }
  }
}
