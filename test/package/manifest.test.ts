import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { missing } from "../../scripts/complete-lock.ts"

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

interface Manifest {
  readonly exports: Readonly<Record<string, string | null | Readonly<Record<string, string>>>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const manifest: Manifest = JSON.parse(read("package.json"))

const entries = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  target === null || typeof target === "string" ? [] : [{ subpath, target }]
)

describe("package.json", () => {
  it.each(entries)("$subpath is built from a source of the same name", ({ subpath, target }) => {
    const name = subpath === "." ? "index" : subpath.slice("./".length)
    expect(target).toEqual({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` })
    expect(() => read(`src/${name}.ts`)).not.toThrow()
  })

  it("lists types first, because resolvers take the first condition that matches", () => {
    for (const { target } of entries) expect(Object.keys(target)[0]).toBe("types")
  })

  it("hides internals", () => {
    expect(manifest.exports["./internal/*"]).toBeNull()
  })

  it("has no runtime dependencies: two copies of effect in one program do not see each other's services", () => {
    expect(manifest.dependencies).toBeUndefined()
    expect(Object.keys(manifest.peerDependencies).toSorted()).toEqual(["@effect/platform-node", "effect"])
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
