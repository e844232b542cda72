/** Repos for the fake Hub that are large and cost it little: a block over and over, another one for each file. */
import { createHash } from "node:crypto"
import type { FakeHub } from "../../../src/testing/hub/FakeHub.js"
import { addCommit, addRepo, type Change } from "../../../src/testing/hub/Store.js"

const MIB = 2 ** 20

const blockOf = (seed: number, zeros: boolean): Buffer => {
  const block = Buffer.alloc(MIB)
  if (!zeros) for (let at = 0; at < MIB; at += 4) block.writeUInt32LE((Math.imul(at, 2654435761) + seed) >>> 0, at)
  return block
}

const addFile = (hub: FakeHub, path: string, mib: number, block: Buffer): Change => {
  const hash = createHash("sha256")
  for (let count = 0; count < mib; count++) hash.update(block)
  const oid = hash.digest("hex")
  hub.store.objects.set(oid, { size: mib * MIB, content: { block } })
  return { path, oid, size: mib * MIB }
}

/** `files` files of `mib` MiB each, all LFS objects, and a config. Answers their bytes. */
export const addBlockRepo = (
  hub: FakeHub,
  name: string,
  options: { readonly files: number; readonly mib: number; readonly zeros?: boolean }
): number => {
  const names = Array.from({ length: options.files }, (_, index) =>
    options.files === 1 ? "model.safetensors" : `weights/${String(index).padStart(3, "0")}.safetensors`
  )
  const changes = names.map((path, index) => addFile(hub, path, options.mib, blockOf(index, options.zeros ?? false)))
  addCommit(hub.store, addRepo(hub.store, name), "main", changes)
  return options.files * options.mib * MIB
}
