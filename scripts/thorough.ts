/** Runs the tests that `npm test` runs in part, with all of their cases: `npm run thorough`. */
import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { startVitest } from "vitest/node"

const root = fileURLToPath(new URL("../", import.meta.url))

process.env["THOROUGH"] = "1"

const files = globSync("test/**/*.ts", { cwd: root })
  .filter((file) => /from "[./]*\/thorough\.ts"/.test(readFileSync(`${root}/${file}`, "utf8")))
  // All who use its support are fuzzers.
  .map((file) => file.replace(/support\.ts$/, ""))

const vitest = await startVitest("test", files, { root, watch: false })
await vitest.close()
