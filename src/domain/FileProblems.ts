/** Why a file can't be read, in the same words everywhere. Pure. */

/** The system's code of a failed operation, such as ENOENT. */
export const systemCode = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error"

/** What was opened is a directory, a pipe or a device. */
export const NOT_A_FILE = "not a file"

export const tooLarge = (limitBytes: number): string => `larger than ${limitBytes / 2 ** 20} MiB`
