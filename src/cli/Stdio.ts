/** The process around a command: its streams, its terminal and its signals. The live one is ProcessStdio.ts. */
import { Context, type Effect, Schema, type Scope } from "effect"
import type { InvalidRequest, OutputFailed } from "../domain/Errors.js"

/** The reader of stdout is gone. Not an error of the command: it ends quietly (spec 01 §1.5). */
export class PipeClosed extends Schema.TaggedError<PipeClosed>()("PipeClosed", {}) {}

/** What is said of a prompt whose bytes are no text. */
export const NOT_TEXT = "the prompt is not UTF-8 text; convert it first, for example with iconv"

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP"

/** The exit code a shell reports for a signal. */
export const signalExit: Readonly<Record<Signal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

/** Lines typed by a user; null at the end of the input. */
export interface Lines {
  readonly ask: (prompt: string) => Effect.Effect<string | null>
}

export class Stdio extends Context.Tag("mlxk/cli/Stdio")<
  Stdio,
  {
    /** Ends when the whole text has left the process. */
    readonly out: (text: string) => Effect.Effect<void, PipeClosed | OutputFailed>
    /** Diagnostics; a closed stderr is nobody's problem. */
    readonly err: (text: string) => Effect.Effect<void>
    /** One finished log line. */
    readonly log: (line: string) => void
    readonly outIsTerminal: boolean
    /** Width of the terminal in characters; null when stdout is none. */
    readonly columns: number | null
    readonly inIsTerminal: boolean
    /** Width of the terminal behind stderr; null when it is none. */
    readonly errColumns: () => number | null
    /** Everything on stdin, which must be text. */
    readonly readAll: Effect.Effect<string, InvalidRequest>
    readonly lines: Effect.Effect<Lines, never, Scope.Scope>
    /**
     * The next signal. `work` is asked before `program`: a chat takes Ctrl-C for itself. A signal that nobody waits for ends
     * the process at once, so the second Ctrl-C always works.
     */
    readonly signal: (claim: "program" | "work") => Effect.Effect<Signal>
  }
>() {}
