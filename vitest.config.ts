import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

const LONGEST = /GoldenModels\.test\.ts$/

/** vitest begins with the largest files; the ones that take minutes are small, and at the end one core would wait for the other. */
class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification) => LONGEST.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Two cores: one file at a time per core, processes so that a native abort ends one file and not the run.
    pool: "forks",
    poolOptions: { forks: { maxForks: 2 } },
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000
  }
})
