/** Hashing blobs against their names (`health --verify`). Pure data. */

export interface VerifyProgress {
  readonly doneBytes: number
  readonly totalBytes: number
}

/** A blob whose content isn't what its name says. `path` is a file that uses it, or the blob's own. */
export interface Damage {
  readonly path: string
  readonly problem: string
}

export interface VerifyReport {
  readonly damaged: ReadonlyArray<Damage>
  /** Blobs that are what their names say, those of the receipt too. */
  readonly sound: number
  /** Files that nothing can be held against: in a snapshot itself, or behind a link out of the cache. */
  readonly unchecked: number
}
