/**
 * The reference of the API as a folder that any static host serves: `reference/`, with a page for every export of every
 * subpath, README as its first page, and the docs beside it.
 *
 * It is made by TypeDoc of the docstrings. TypeDoc needs a compiler of its own, so both are installed outside of the
 * project's dependencies, once, in `.cache/reference`.
 *
 * Prints one line per check and ends with `N passed, N failed`.
 */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { moduleDoc } from "./module-docs.ts"
import { command, conclude, manifest, report, root } from "./packed.ts"
import { brokenLinks } from "./reference/links.ts"

const tools = { typedoc: "0.28.20", typescript: "6.0.3" }

const workshop = join(root, ".cache", "reference")
const output = join(root, "reference")

/** The subpaths that are modules, and the sources that they are built from. */
const modules = Object.entries(manifest.exports).flatMap(([subpath, built]) => {
  const source = /^\.\/dist\/(.+)\.js$/.exec(built)?.[1]
  return source === undefined ? [] : [{ name: subpath.slice(2) || manifest.name, source: `src/${source}.ts` }]
})

const isEntry = (source: string) => /^src\/[^/]+$/.test(source)

/** How a module is imported. */
const importOf = (name: string): string => {
  if (name === manifest.name) return `import { OpenRouter } from "${name}"`
  const [entry = "", namespace] = name.split("/")
  if (namespace !== undefined) return `import { ${namespace} } from "${manifest.name}/${entry}"`
  const [, first = ""] = /export \* as (\w+)/.exec(readFileSync(join(root, "src", `${entry}.ts`), "utf8")) ?? []
  return `import { ${first} } from "${manifest.name}/${entry}"`
}

/** Says under which name a module is found, where its documentation is. */
const named = (text: string, name: string, imported: string): string => {
  const doc = moduleDoc(text)
  if (doc === undefined) throw new Error(`${name} has no documentation`)
  const lines = ["```ts", imported, "```", "", `@module ${name}`].map((line) => ` * ${line}`.trimEnd())
  const body = doc.replace(/\n \* @since [\s\S]*$/, "").replace(/\s*\*\/$/, "")
  return text.replace(doc, () => `${body}\n *\n${lines.join("\n")}\n */`)
}

/** Puts the documentation of what is exported under another name where TypeDoc looks for it: above the declaration. */
const declared = (text: string): string => {
  const exported = Array.from(text.matchAll(/^export \{\n((?:(?!^\}).*\n)*?)\}$/gm), ([, body = ""]) => body).join("\n")
  let moved = text
  for (const [, doc = "", local = ""] of exported.matchAll(/(\/\*\*(?:(?!\*\/)[\s\S])*\*\/)\s*(\w+) as \w+/g)) {
    const above = doc.replaceAll(/^ {2}/gm, "")
    moved = moved.replace(new RegExp(`^(?=(?:const|function) ${local}\\b)`, "m"), () => `${above}\n`)
  }
  return moved
}

/** A page of the docs under the title that it has; a slash in it would make a folder. */
const titled = (text: string): string => {
  const title = (/^# (.+)$/m.exec(text)?.[1] ?? "").replaceAll("`", "").replaceAll("/", "\u2215")
  return `---\ntitle: ${JSON.stringify(title)}\n---\n\n${text}`
}

/** Copies what the reference is made of, with what only the reference needs. */
const stage = () => {
  for (const folder of ["src", "docs"]) {
    rmSync(join(workshop, folder), { recursive: true, force: true })
    cpSync(join(root, folder), join(workshop, folder), { recursive: true })
  }
  // The first page has its title already.
  writeFileSync(join(workshop, "README.md"), readFileSync(join(root, "README.md"), "utf8").replace(/^# .*\n/, ""))
  cpSync(join(root, "CHANGELOG.md"), join(workshop, "CHANGELOG.md"))
  for (const file of globSync("src/**/*.ts", { cwd: workshop })) {
    const path = join(workshop, file)
    const text = readFileSync(path, "utf8")
    const moved = declared(text)
    if (moved !== text) writeFileSync(path, moved)
  }
  for (const { name, source } of modules) {
    const imported = isEntry(source) || name.includes("/")
      ? importOf(name)
      : `import { ${name} } from "${manifest.name}"`
    const file = join(workshop, source)
    writeFileSync(file, named(readFileSync(file, "utf8"), name, imported))
  }
  for (const file of globSync("docs/*.md", { cwd: workshop })) {
    const path = join(workshop, file)
    writeFileSync(path, titled(readFileSync(path, "utf8")))
  }
  writeFileSync(
    join(workshop, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: { stripInternal: true, plugins: [], paths: {} },
      include: ["src"]
    })
  )
}

const options = {
  name: manifest.name,
  entryPoints: modules.map(({ source }) => source),
  tsconfig: "tsconfig.json",
  out: output,
  readme: "README.md",
  projectDocuments: ["docs/*.md", "CHANGELOG.md"],
  // What Effect gives to every schema class would be repeated on each page.
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  disableGit: true,
  // Types that the compiler infers are shown as they are named, not as all that they are made of.
  maxTypeConversionDepth: 3,
  // `npm test` checks types, with the compiler of the project.
  skipErrorChecking: true,
  sort: ["source-order"],
  navigation: { includeGroups: false, includeCategories: false, excludeReferences: true },
  requiredToBeDocumented: ["Module", "Namespace", "Class", "Interface", "TypeAlias", "Function", "Variable", "Enum"],
  validation: { notExported: false, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true }
}

/** TypeDoc and its compiler, as they are written above. */
const hasTools = (): boolean =>
  Object.entries(tools).every(([name, version]) => {
    const file = join(workshop, "node_modules", name, "package.json")
    return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version === version
  })

const install = (): boolean => {
  writeFileSync(join(workshop, "package.json"), JSON.stringify({ private: true }))
  const versions = Object.entries(tools).map(([name, version]) => `${name}@${version}`)
  return command("TypeDoc installs", workshop, "npm", "install", "--no-audit", "--no-fund", "--no-save", ...versions)
}

/** Members that their interface or class documents as a whole, and those that belong to protocols of Effect or Node. */
const isMember = /^\[warning\] \S+ \(Property\),|\.(?:~effect\/\S+|\[\w+\]|toJSON) \(CallSignature\),/

/** Writes the pages; what TypeDoc warns of is a problem. */
const write = (): boolean => {
  rmSync(output, { recursive: true, force: true })
  writeFileSync(join(workshop, "typedoc.json"), JSON.stringify(options))
  const bin = join(workshop, "node_modules", "typedoc", "bin", "typedoc")
  const { status, stderr, stdout } = spawnSync(process.execPath, [bin, "--options", "typedoc.json"], {
    cwd: workshop,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000
  })
  const said = `${stdout}${stderr}`
  const warnings = said.split("\n").filter((line) => /^\[(warning|error)\] (?!Found \d+ errors)/.test(line))
    .filter((line) => !isMember.test(line))
  const isWritten = status === 0 && existsSync(join(output, "index.html"))
  report(
    "every export is documented, and every link leads to one",
    warnings.length > 0 ? warnings.join("\n") : undefined
  )
  report("pages are written", isWritten ? undefined : said)
  return isWritten
}

/** Each subpath has a page, and no page leads nowhere. */
const check = () => {
  const titles = new Set(
    globSync("modules/*.html", { cwd: output }).map((file) =>
      /<h1>(?:Module |Namespace )?([^<]*)/.exec(readFileSync(join(output, file), "utf8"))?.[1]?.replaceAll("\u200B", "")
    )
  )
  const missing = modules.filter(({ name }) => !titles.has(name)).map(({ name }) => `no page of ${name}`)
  report(`each of ${modules.length} subpaths has a page`, missing.length > 0 ? missing.join("\n") : undefined)
  const documents = globSync("documents/*.html", { cwd: output }).length
  const pages = globSync("docs/*.md", { cwd: root }).length + 1
  report("each page of the docs is there", documents === pages ? undefined : `${documents} of ${pages}`)
  const { broken, links } = brokenLinks(output)
  report(`${links} links lead somewhere`, broken.length > 0 ? broken.join("\n") : undefined)
}

mkdirSync(workshop, { recursive: true })
stage()
if ((hasTools() || install()) && write()) check()
conclude()
