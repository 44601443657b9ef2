/**
 * What a program of a user may do with the packed package and nothing but `effect` beside it.
 *
 * `scripts/check-package.ts` compiles and runs this file in an empty project.
 */
import * as Main from "effect-openrouter"
import * as Testing from "effect-openrouter/testing"

console.log(`effect-openrouter: ${Object.keys(Main).join(", ")}`)
console.log(`effect-openrouter/testing: ${Object.keys(Testing).join(", ")}`)
