import type { Reporter, TestModule } from 'vitest/node'

/** The outcome of a test run. */
export interface Counts {
  readonly passed: number
  /** Tests that failed, and whatever failed outside of a test. */
  readonly failed: number
  readonly skipped: number
}

/** Tells `scripts/test.mjs`, which started vitest, how many tests passed and failed. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
    const count = (state: string) => states.filter((each) => each === state).length
    const passed = count('passed')
    const failed = count('failed')
    const counts: Counts = {
      passed,
      failed: failed + outsideTests(modules) + unhandledErrors.length,
      skipped: states.length - passed - failed,
    }
    process.send?.(counts)
  }
}

/** Files that cannot be loaded, and hooks that fail: vitest counts the tests that they prevent as skipped or not at all. */
function outsideTests(modules: readonly TestModule[]): number {
  const suites = modules.flatMap((module) => [module, ...module.children.allSuites()])
  return suites.filter((suite) => suite.errors().length > 0).length
}
