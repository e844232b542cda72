/** `npm run check:constrained [-- N]`: N answers per schema from a model without sense; what ends by itself must be valid. */
import { SCHEMAS } from "./constrained-cases.js"
import { checkSchemas } from "./constrained-schemas.js"

const count = Number(process.argv[2] ?? 1000)
const results = await checkSchemas({ family: "qwen3", count, schemas: SCHEMAS, report: (line) => console.log(line) })
console.log(`${results.passed} passed, ${results.failed} failed`)
process.exit(results.failed > 0 ? 1 : 0)
