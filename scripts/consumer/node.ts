/**
 * The part of the packed package that needs `@effect/platform-node`.
 *
 * `scripts/check-package.ts` compiles and runs this file in a project that has it installed.
 */
import * as OnNode from "effect-openrouter/node"

console.log(`effect-openrouter/node: ${Object.keys(OnNode).join(", ")}`)
