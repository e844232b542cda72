/** Values of the environment under the rules of the options they stand for. Pure. */
import { Either } from "effect"
import { UsageError } from "../domain/Errors.js"
import type { CommandDescription } from "./CommandFile.js"
import { usageLine } from "./Help.js"
import type { Reader } from "./Parameter.js"

/** The value of a variable, null when it is not set; a malformed one is a usage error of the command (spec 02 R1.5). */
export const fromEnvironment = <A>(
  name: string,
  given: string | null,
  read: Reader<A>,
  command: CommandDescription
): Either.Either<A | null, UsageError> =>
  given === null
    ? Either.right(null)
    : Either.mapLeft(
        read(given),
        (complaint) => new UsageError({ message: `${name}: ${complaint}`, usage: usageLine(command) })
      )
