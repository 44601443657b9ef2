import { assert, describe, it } from "@effect/vitest"
import type { Effect } from "effect"
import type { OpenRouter } from "effect-openrouter"
import { readFileSync } from "node:fs"
import type * as Call from "./programs/call.ts"
import type * as Handled from "./programs/handled.ts"

/** Lines of a program as it is formatted, imports included and blank ones left out. */
const lines = (name: string): ReadonlyArray<string> =>
  readFileSync(new URL(`programs/${name}.ts`, import.meta.url), "utf8").split("\n").filter((line) => line.trim() !== "")

describe("handling all errors of a call", () => {
  it("takes five lines at most beyond the call", () => {
    assert.strictEqual(lines("call").length, 4)
    assert.isAtMost(lines("handled").length - lines("call").length, 5)
  })

  it("leaves none, says the compiler", () => {
    type ErrorOf<Program> = Program extends Effect.Effect<infer _A, infer E, OpenRouter.OpenRouter> ? E : "no call"
    // What is left of a call as it is, and of one whose errors are handled.
    const left = (given: ErrorOf<typeof Call.program>): string => given._tag
    const none = (given: ErrorOf<typeof Handled.program>): string => given
    assert.deepStrictEqual([typeof left, typeof none], ["function", "function"])
  })
})
