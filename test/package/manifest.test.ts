import { existsSync, globSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { missing } from "../../scripts/complete-lock.ts"

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

interface Manifest {
  readonly homepage: string
  readonly bugs: { readonly url: string }
  readonly repository: { readonly url: string }
  readonly exports: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const manifest: Manifest = JSON.parse(read("package.json"))

const tsconfig: { readonly compilerOptions: { readonly paths: Readonly<Record<string, ReadonlyArray<string>>> } } = JSON
  .parse(read("tsconfig.json").replaceAll(/^\s*\/\/.*$/gm, ""))

describe("package.json", () => {
  const entries = globSync("*.ts", { cwd: new URL("../../src/", import.meta.url) })
    .map((file) => file.replace(/\.ts$/, ""))
    .filter((entry) => entry !== "index")
    .toSorted()
  const namespacesOf = (entry: string, prefix: string) =>
    Array.from(
      read(`src/${entry}.ts`).matchAll(/export \* as (\w+) from "\.\/(.+)\.ts"/g),
      ([, name = "", source = ""]) => ({ subpath: `${prefix}${name}`, source })
    )
  const sources = [
    { subpath: ".", source: "index" },
    ...entries.map((entry) => ({ subpath: `./${entry}`, source: entry })),
    ...namespacesOf("index", "./"),
    ...entries.flatMap((entry) => namespacesOf(entry, `./${entry}/`))
  ]

  it("has every namespace as a subpath, so that bundlers can leave out what a program does not use", () => {
    expect(namespacesOf("index", "./").length).toBeGreaterThan(30)
    for (const entry of entries) expect(namespacesOf(entry, "").length, entry).toBeGreaterThan(0)
    expect(Object.keys(manifest.exports)).toEqual([...sources.map(({ subpath }) => subpath), "./package.json"])
  })

  it.each(sources)("$subpath is built from src/$source.ts", ({ source, subpath }) => {
    expect(manifest.exports[subpath]).toBe(`./dist/${source}.js`)
    expect(() => read(`src/${source}.ts`)).not.toThrow()
  })

  it("means in a checkout what it means when it is installed", () => {
    const { "effect-openrouter/*": patterns = [] } = tsconfig.compilerOptions.paths
    for (const { source, subpath } of sources.slice(1)) {
      const candidates = patterns.map((pattern) => pattern.replace("*", subpath.slice(2)))
      expect(candidates.find((file) => existsSync(new URL(`../../${file}`, import.meta.url)))).toBe(
        `./src/${source}.ts`
      )
    }
  })

  it("says where it comes from and where to complain", () => {
    const home = manifest.repository.url.replace(/^git\+(https:.+)\.git$/, "$1")
    expect(home).toMatch(/^https:\/\//)
    expect(manifest.homepage).toBe(`${home}#readme`)
    expect(manifest.bugs.url).toBe(`${home}/issues`)
  })

  it("has no script that an installation would warn of or run", () => {
    const names = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"]
    expect(Object.keys(manifest.scripts).filter((name) => names.includes(name))).toEqual([])
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
