import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (name: string) => fileURLToPath(new URL(`src/${name}.ts`, import.meta.url))

export default defineConfig({
  resolve: {
    // Tests import the package as its users do, and run on the sources.
    alias: [
      { find: /^effect-openrouter$/, replacement: source("index") },
      { find: /^effect-openrouter\/(ai|http|node|testing|workflow)$/, replacement: source("$1") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    reporters: ["./scripts/vitest-reporter.ts"],
    // Three threads keep the two cores of a small CI machine busy while tests of sockets and processes wait. Each loads Effect
    // and the sources once, for all of its test files: half of the time of the suite. So no test may leave anything behind in a
    // global or in a module; test/suite.test.ts looks.
    pool: "threads",
    maxWorkers: 3,
    isolate: false,
    // Programs that tests run in processes of their own load the sources from this cache, compiled: half of their time.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/node-compile", import.meta.url)) },
    // Enough on a machine that has other things to do as well.
    testTimeout: 30_000
  }
})
