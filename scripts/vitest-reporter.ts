import { DefaultReporter } from "vitest/node"

/**
 * Vitest's own report, closed by one line that people and scripts can read alike: `N passed, N failed`.
 *
 * A file that could not be loaded and an error outside of any test count as failures, since no test stands for them.
 */
export default class SummaryReporter extends DefaultReporter {
  override onTestRunEnd(...[modules, errors, reason]: Parameters<DefaultReporter["onTestRunEnd"]>): void {
    super.onTestRunEnd(modules, errors, reason)
    let passed = 0
    let failed = errors.length
    for (const module of modules) {
      if (module.errors().length > 0) failed += 1
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === "passed") passed += 1
        else if (state !== "skipped") failed += 1
      }
    }
    this.log(`${passed} passed, ${failed} failed`)
  }
}
