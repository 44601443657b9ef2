/**
 * What the bundles of a call and of a stream are made of: Effect and our folders, or each module with `--modules`.
 *
 * `--no-build` weighs what was built last. A part with its own share is not what a bundle would lose without it: what only it
 * needs of other parts would go as well.
 */
import { bundleParts, bundleSizes } from "./coldstart.ts"
import { prepare } from "./prepare.ts"

prepare(process.argv.includes("--no-build"))
const ids = ["ours/call", "ours/stream"]
for (const [id, { gzipped = NaN, minified = NaN }] of await bundleSizes(ids)) {
  console.log(`${id}: ${minified.toFixed(1)} kB minified, ${gzipped.toFixed(1)} kB and gzipped`)
  for (const [part, figures] of await bundleParts(id, process.argv.includes("--modules"))) {
    const [min = "", gz = ""] = [figures["minified"], figures["gzipped"]].map((kB) => kB?.toFixed(2).padStart(8))
    console.log(`${min} ${gz}  ${part}`)
  }
}
