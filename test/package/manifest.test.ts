import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { missing } from "../../scripts/complete-lock.ts"

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const manifest: Manifest = JSON.parse(read("package.json"))

describe("package.json", () => {
  const namespaces = Array.from(
    read("src/index.ts").matchAll(/export \* as (\w+) from "\.\/(.+)\.ts"/g),
    ([, name, source]) => ({ subpath: `./${name}`, source })
  )
  const sources = [
    { subpath: ".", source: "index" },
    { subpath: "./http", source: "http" },
    { subpath: "./node", source: "node" },
    { subpath: "./testing", source: "testing" },
    { subpath: "./workflow", source: "workflow" },
    ...namespaces
  ]

  it("has the namespaces of the index as subpaths, so that bundlers can leave out what a program does not use", () => {
    expect(namespaces.length).toBeGreaterThan(30)
    expect(Object.keys(manifest.exports)).toEqual([...sources.map(({ subpath }) => subpath), "./package.json"])
  })

  it.each(sources)("$subpath is built from src/$source.ts", ({ source, subpath }) => {
    expect(manifest.exports[subpath]).toBe(`./dist/${source}.js`)
    expect(() => read(`src/${source}.ts`)).not.toThrow()
  })

  it("has no runtime dependencies: two copies of effect in one program do not see each other's services", () => {
    expect(manifest.dependencies).toBeUndefined()
    expect(Object.keys(manifest.peerDependencies).toSorted()).toEqual([
      "@effect/platform-node",
      "@effect/sql-pg",
      "effect"
    ])
  })

  it("pins every development dependency exactly", () => {
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/)
    }
  })
})

describe("package-lock.json", () => {
  it("names no registry host, so that any mirror can serve it", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved":/)
  })

  it("has the builds for every platform, without which npm ci fails (repair: npm run complete-lock)", () => {
    expect(Array.from(missing(JSON.parse(read("package-lock.json"))).keys())).toEqual([])
  })

  it("lacks only what the check says it lacks", () => {
    const wants = { version: "1.0.0", optionalDependencies: { "@x/linux-x64-musl": "1.2.3", "@x/wasm": "1.2.3" } }
    const entry = { version: "1.2.3", cpu: ["x64"], dev: true, libc: ["musl"], optional: true, os: ["linux"] }
    expect(Array.from(missing({ packages: { "node_modules/x": wants } }))).toEqual([
      ["node_modules/@x/linux-x64-musl", entry]
    ])
    expect(missing({ packages: { "node_modules/x": wants, "node_modules/@x/linux-x64-musl": entry } }).size).toBe(0)
  })
})
