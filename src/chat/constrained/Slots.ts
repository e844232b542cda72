/**
 * Slots are the places of a grammar at which texts of another language stand: the contents of JSON strings, whole answers of a
 * pattern. xgrammar takes long to compile and match them where they count characters or have many states, so an automaton of
 * ours (`Language.ts`) matches them, and xgrammar reads the numbers of the slots that the text fitted in its place. Those that
 * may come next are tokens of the vocabulary that it is given, behind the real ones. Pure.
 */

/** Each costs some time of compiling. */
export const MAX_SLOTS = 256

/** Neither is in JSON or a name. */
export const OPEN_SLOT = "\u0001"
export const CLOSE_SLOT = "\u0002"
export const SLOT_END = ";"

export const slotName = (slot: number): string => `${slot}${SLOT_END}`

/** What stands in the grammar's text for a text that fits each of these slots: more than one may be possible at a place. */
export const slotText = (slots: ReadonlyArray<number>): string => OPEN_SLOT + slots.map(slotName).join("") + CLOSE_SLOT
