/**
 * Whether another program holds a lock file. Python's Hub library locks by flock(2) and leaves the file behind: only the system knows
 * who holds it, and Node can't ask for such a lock. Linux lists them all; elsewhere lsof tells who has the file open.
 */
import { lstatSync, readFileSync } from "node:fs"

/** The inodes of `/proc/locks`. Devices are left out: some file systems call theirs differently there. */
const INODES = / [0-9a-f]+:[0-9a-f]+:(\d+) /g

const onLinux = (paths: ReadonlyArray<string>): boolean => {
  const held = new Set(Array.from(readFileSync("/proc/locks", "latin1").matchAll(INODES), ([, inode]) => Number(inode)))
  return paths.some((path) => held.has(lstatSync(path).ino))
}

/** The ids of those who have one of them open, a line each. It ends with 1 already when nobody has one of them. */
const byLsof = (paths: ReadonlyArray<string>): boolean => {
  const { status, stdout } = process
    .getBuiltinModule("node:child_process")
    .spawnSync("lsof", ["-t", "--", ...paths], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
  return status === null || stdout !== ""
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

/** True when one of these files may be held: where that can't be seen, it is. */
export const mayBeHeld = (paths: ReadonlyArray<string>): boolean => {
  try {
    const found = paths.filter(exists)
    return found.length > 0 && (process.platform === "linux" ? onLinux(found) : byLsof(found))
  } catch {
    return true
  }
}
