/** A staged snapshot becomes a directory of plain files, in one step. */
import { constants } from "node:fs"
import { copyFile, link, mkdir, realpath, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { CopyMethod } from "../domain/Clone.js"
import type { Origin } from "../services/Clones.js"
import { RECORD_FILE, recordText } from "./Record.js"
import { walk } from "./Walk.js"

const done = (operation: Promise<void>): Promise<boolean> =>
  operation.then(
    () => true,
    () => false
  )

/**
 * Copy on write where the file system can, else the download itself under a second name, which is the only one once the stage
 * is gone, else a copy. A blob that two files share is linked for the first only: editing one must not change the other.
 */
const place = async (blob: string, file: string, linked: Set<string>): Promise<CopyMethod> => {
  if (await done(copyFile(blob, file, constants.COPYFILE_FICLONE_FORCE))) return "reflink"
  if (!linked.has(blob) && (await done(link(blob, file)))) {
    linked.add(blob)
    return "link"
  }
  await copyFile(blob, file)
  return "copy"
}

const RANK: ReadonlyArray<CopyMethod> = ["reflink", "link", "copy"]

/** What to lay down, and where. */
export interface Laying {
  readonly snapshot: string
  /** A directory for the work, on the target's volume; what an earlier try left there goes. */
  readonly work: string
  readonly target: string
  readonly origin: Origin
}

/** Answers the costliest method that was needed. Stops between two files when aborted; rejects with the system's error. */
export const layDown = async ({ origin, snapshot, target, work }: Laying, signal: AbortSignal): Promise<CopyMethod> => {
  await rm(work, { recursive: true, force: true })
  await mkdir(work, { recursive: true })
  const linked = new Set<string>()
  let method: CopyMethod = "reflink"
  for (const { path } of await walk(snapshot)) {
    signal.throwIfAborted()
    const file = join(work, path)
    await mkdir(dirname(file), { recursive: true })
    const used = await place(await realpath(join(snapshot, path)), file, linked)
    if (RANK.indexOf(used) > RANK.indexOf(method)) method = used
  }
  // A record that came with the repo is somebody else's.
  const record = join(work, RECORD_FILE)
  await rm(record, { force: true })
  await writeFile(record, await recordText(work, origin, new Date()))
  signal.throwIfAborted()
  // Onto an empty directory too, and never onto anything else.
  await rename(work, target)
  return method
}
