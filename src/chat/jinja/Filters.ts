/** All filters by name, and how filters and tests are called by name. */
import { TemplateFailure } from "./Failure.js"
import type { Filter } from "./FilterArgs.js"
import { HTML_FILTERS } from "./HtmlFilters.js"
import { selectionFilters } from "./SelectionFilters.js"
import { SEQUENCE_FILTERS } from "./SequenceFilters.js"
import { TESTS, type Test } from "./Tests.js"
import { raw } from "./Text.js"
import { TEXT_FILTERS } from "./TextFilters.js"
import { isStr } from "./Values.js"

const own = <A>(table: Readonly<Record<string, A>>, name: string): A | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

const unknown = (what: string, name: string) => new TemplateFailure("runtime", `No ${what} named '${name}'.`)

export const filterNamed = (name: string): Filter | undefined => own(FILTERS, name)

export const testNamed = (name: string): Test | undefined => {
  if (name === "filter") return (_, value) => isStr(value) && filterNamed(raw(value)) !== undefined
  if (name === "test") return (_, value) => isStr(value) && testNamed(raw(value)) !== undefined
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
