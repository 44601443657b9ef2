/** Collects the results of checks and prints the failures. */

export interface Report {
  /** Counts a check; `problem` is why it failed. */
  readonly check: (name: string, problem: string | undefined) => void
  /** Prints a line that is no result. */
  readonly note: (text: string) => void
  /** Prints the last line; tells whether everything passed. */
  readonly finish: () => boolean
}

const maxShown = 20
const maxWidth = 400

export const make = (print: (line: string) => void): Report => {
  let passed = 0
  let failed = 0
  return {
    check: (name, problem) => {
      if (problem === undefined) {
        passed += 1
        return
      }
      failed += 1
      const line = `FAIL ${name}: ${problem.replaceAll(/\s+/g, " ")}`
      if (failed <= maxShown) print(line.length > maxWidth ? `${line.slice(0, maxWidth)}…` : line)
      if (failed === maxShown + 1) print("… more failures are not shown")
    },
    note: print,
    finish: () => {
      print(`${passed} passed, ${failed} failed`)
      return failed === 0
    }
  }
}
