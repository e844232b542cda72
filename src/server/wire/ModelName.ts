/** A model name of a request is a name, never a path (spec 03 §0.1(13), spec 02 §10). Pure. */

const STARTS_LIKE_A_PATH = /^[./~\\]|^[A-Za-z]:[/\\]/

/** True for what a file system could read as leading out of the cache. */
export const isPathLike = (name: string): boolean =>
  STARTS_LIKE_A_PATH.test(name) || name.includes("\0") || name.split(/[/\\]/).includes("..")
