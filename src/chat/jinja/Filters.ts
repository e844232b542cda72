/** All filters by name, and how filters and tests are called by name. */
import { TemplateFailure } from "./Failure.js"
import type { Filter } from "./FilterArgs.js"
import { HTML_FILTERS } from "./HtmlFilters.js"
import { selectionFilters } from "./SelectionFilters.js"
import { SEQUENCE_FILTERS } from "./SequenceFilters.js"
import { plain, TESTS, type Test } from "./Tests.js"
import { raw } from "./Text.js"
import { TEXT_FILTERS } from "./TextFilters.js"
import { hashKey, isStr } from "./Values.js"

const own = <A>(table: Readonly<Record<string, A>>, name: string): A | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

const unknown = (what: string, name: string) => new TemplateFailure("runtime", `No ${what} named '${name}'.`)

export const filterNamed = (name: string): Filter | undefined => own(FILTERS, name)

/** Whether a value is a name; what can't be a key can't be asked for. */
const named = (exists: (name: string) => boolean): Test =>
  plain((value) => {
    const key = hashKey(value)
    return isStr(value) && typeof key === "string" && exists(raw(value))
  })

export const testNamed = (name: string): Test | undefined => {
  if (name === "filter") return named((text) => filterNamed(text) !== undefined)
  if (name === "test") return named((text) => testNamed(text) !== undefined)
  return own(TESTS, name)
}

const FILTERS: Readonly<Record<string, Filter>> = {
  ...TEXT_FILTERS,
  ...HTML_FILTERS,
  ...SEQUENCE_FILTERS,
  ...selectionFilters({
    filter: (name) => {
      const found = filterNamed(name)
      if (found === undefined) throw unknown("filter", name)
      return found
    },
    test: (name) => {
      const found = testNamed(name)
      if (found === undefined) throw unknown("test", name)
      return found
    }
  })
}
