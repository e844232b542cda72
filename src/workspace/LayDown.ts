/** A staged snapshot becomes a directory of plain files, in one step. */
import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import type { CopyMethod } from "../domain/Clone.js"
import type { Origin } from "../services/Clones.js"
import { RECORD_FILE, recordText } from "./Record.js"
import { walk } from "./Walk.js"

const attempt = (operation: () => void): boolean => {
  try {
    operation()
    return true
  } catch {
    return false
  }
}

/**
 * Copy on write where the file system can, else the download itself under a second name, which is the only one once the stage
 * is gone, else a copy. A blob that two files share is linked for the first only: editing one must not change the other.
 */
const place = (blob: string, file: string, linked: Set<string>): CopyMethod => {
  if (attempt(() => copyFileSync(blob, file, constants.COPYFILE_FICLONE_FORCE))) return "reflink"
  if (!linked.has(blob) && attempt(() => linkSync(blob, file))) {
    linked.add(blob)
    return "link"
  }
  copyFileSync(blob, file)
  return "copy"
}

const RANK: ReadonlyArray<CopyMethod> = ["reflink", "link", "copy"]

/** Answers the costliest method that was needed. Rejects with the system's error. */
export const layDown = async (snapshot: string, work: string, target: string, origin: Origin): Promise<CopyMethod> => {
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const linked = new Set<string>()
  let method: CopyMethod = "reflink"
  for (const { path } of await walk(snapshot)) {
    const file = join(work, path)
    mkdirSync(dirname(file), { recursive: true })
    const used = place(realpathSync(join(snapshot, path)), file, linked)
    if (RANK.indexOf(used) > RANK.indexOf(method)) method = used
  }
  // The hash is information; a clone without it is whole.
  const record = join(work, RECORD_FILE)
  if (existsSync(record)) rmSync(record)
  writeFileSync(record, await recordText(work, origin, new Date()))
  // Onto an empty directory too, and never onto anything else.
  renameSync(work, target)
  return method
}
