/**
 * The rules that keep `src` in its rooms: which room may import what, and which globals no module may touch.
 *
 * Works on the syntax tree, so neither comments nor strings can trip or fool it.
 */
import { posix } from "node:path"
import { parseAst } from "vitest/node"

/** A broken rule, with the place and the way out. */
export interface Violation {
  readonly file: string
  readonly line: number
  readonly problem: string
  readonly remedy: string
}

/** One violation as a line that editors turn into a link. */
export const render = (violation: Violation): string =>
  `${violation.file}:${violation.line}: ${violation.problem}; ${violation.remedy}`

/** The longest a module may get before it is suspected of holding two concepts. */
export const maxLines = 400

const rooms = ["domain", "services", "layers"]

/** The folders of `domain`, each with those that it may know besides itself. */
const folders: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["wire", []],
  ["money", ["wire"]],
  ["response", ["wire", "money"]],
  ["error", ["wire", "money", "response"]],
  ["request", ["wire", "money", "response", "error"]],
  ["outcome", ["wire", "money", "response", "error"]],
  ["object", ["wire", "money", "response", "error", "request"]],
  ["gate", ["wire", "money", "response", "error", "request"]],
  ["stream", ["wire", "money", "response", "error", "request", "outcome"]],
  ["endpoint", ["wire", "money", "response", "error", "request", "outcome"]],
  ["ledger", ["wire", "money", "response", "error", "request", "outcome"]],
  // Loops of calls and their approvals: above requests, whose items they collect, and outcomes, whose calls they answer.
  ["tool", ["wire", "money", "response", "error", "request", "outcome"]],
  ["budget", ["wire", "money", "response", "error", "request", "outcome", "endpoint"]],
  ["cassette", ["wire", "money", "response", "error"]],
  ["conversation", ["wire", "money", "response", "error", "request", "outcome"]],
  ["journal", ["wire", "money", "response", "error", "request", "outcome", "endpoint"]],
  ["batch", ["wire", "money", "response", "error", "request", "outcome", "endpoint", "ledger", "budget"]],
  // Pages of what ledgers and journals hold.
  ["report", ["wire", "money", "response", "error", "request", "outcome", "endpoint", "ledger", "journal"]],
  // A second opinion on the protocol: it shares nothing with the client, or both could be wrong alike.
  ["emulator", []]
])

/** Modules of `effect` that are pure data and functions: no services, no time, no randomness, no I/O. */
const pureModules = new Set(
  `Array BigDecimal BigInt Boolean Brand ByteSize Bytes Cause Chunk Combiner Data DateTime Duration Effect Equal
  Equivalence Exit Filter Formatter Function HKT Hash HashMap HashSet Inspectable Iterable JsonPatch JsonPointer
  JsonSchema Match Newtype NonEmptyIterable Number Optic Option Order Ordering Pipeable Predicate Record Redactable
  Redacted Reducer RegExp Result Schema SchemaAST SchemaGetter SchemaIssue SchemaParser SchemaRepresentation
  SchemaTransformation StandardSchema String Struct Symbol Tuple Types UndefinedOr Unify Utils
  encoding/Base64 encoding/Base64Url encoding/EncodingError encoding/Hex schema/SchemaCompiler`.split(/\s+/)
)

const timers = new Set(["setTimeout", "setInterval", "setImmediate"])

const bannedMembers: ReadonlyArray<readonly [pattern: RegExp, remedy: string]> = [
  [/^Date\.now$/, "read the time from Clock or DateTime.now"],
  [/^performance\.now$/, "read the time from Clock"],
  [/^Math\.random$/, "draw from the Random service"],
  [/^crypto\.(randomUUID|getRandomValues)$/, "draw from the Random service"],
  [/^console\./, "log with Effect.log or print with the Console service"],
  [/^process\./, "read settings through Config"]
]

interface Node {
  readonly type: string
  readonly start: number
  readonly [key: string]: unknown
}

const isNode = (u: unknown): u is Node => typeof u === "object" && u !== null && "type" in u && "start" in u

function* walk(node: Node): Generator<Node> {
  yield node
  for (const child of Object.values(node)) {
    for (const item of Array.isArray(child) ? child : [child]) {
      if (isNode(item)) yield* walk(item)
    }
  }
}

const literal = (node: unknown): string | undefined =>
  isNode(node) && typeof node["value"] === "string" ? node["value"] : undefined

/** `a.b` as text, seen through `globalThis.`; undefined for anything that is not a plain path of names. */
const path = (node: unknown): string | undefined => {
  if (!isNode(node)) return undefined
  if (node.type === "Identifier") return String(node["name"])
  if (node.type !== "MemberExpression") return undefined
  const object = path(node["object"])
  const property = node["computed"] === true ? literal(node["property"]) : path(node["property"])
  if (object === undefined || property === undefined) return undefined
  return object === "globalThis" ? property : `${object}.${property}`
}

interface Import {
  readonly line: number
  readonly specifier: string
  readonly typeOnly: boolean
  /** Loaded when it is needed, by `import()`. */
  readonly lazy: boolean
}

interface Parsed {
  readonly nodes: ReadonlyArray<Node>
  readonly lineOf: (offset: number) => number
}

const parse = (text: string): Parsed => {
  const program: unknown = parseAst(text, { lang: "ts", astType: "ts" })
  return {
    nodes: isNode(program) ? Array.from(walk(program)) : [],
    lineOf: (offset) => text.slice(0, offset).split("\n").length
  }
}

const importsOf = ({ lineOf, nodes }: Parsed): ReadonlyArray<Import> =>
  nodes.flatMap((node) => {
    if (!/^(Import|ExportAll|ExportNamed)Declaration$|^ImportExpression$|^TSImportType$/.test(node.type)) return []
    if (node.type === "ExportNamedDeclaration" && !isNode(node["source"])) return []
    const typeOnly = node.type === "TSImportType" || node["importKind"] === "type" || node["exportKind"] === "type"
    const lazy = node.type === "ImportExpression"
    return [{ line: lineOf(node.start), specifier: literal(node["source"]) ?? "", typeOnly, lazy }]
  })

const resolve = (file: string, specifier: string) => posix.join(posix.dirname(file), specifier)

const roomOf = (file: string) => file.split("/")[1] ?? ""

/** Folders of services and layers that programs do not get unless they ask for their entry file. */
const apartOf = (file: string) => /^src\/(?:services|layers)\/(testing|node|cli|workflow)\//.exec(file)?.[1]

/** The command is a program of its own, with an entry of its own. */
const isCommand = (file: string) => apartOf(file) === "cli"

/** Engines of workflows open databases of Node's. */
const mayKnow = (apart: string | undefined, target: string) => apart === "workflow" && target === "node"

/** The folder of a module of `domain`. */
const folderOf = (file: string) => file.split("/")[2] ?? ""

/** What a contract may speak of (as a type) but not call. */
const effectful = /^effect\/(http|http-api|ai|persistence|sql|cluster|workflow)\//

/** Why `file` may not contain this import, or undefined when it may. */
const importProblem = (
  file: string,
  { lazy, specifier, typeOnly }: Import
): Omit<Violation, "file" | "line"> | undefined => {
  const problem = `imports "${specifier}"`
  const room = roomOf(file)
  if (specifier === "") return { problem: "imports a computed path", remedy: "write the path as a string" }
  if (specifier.startsWith(".")) {
    const target = resolve(file, specifier)
    if (!specifier.endsWith(".ts")) return { problem, remedy: "write relative imports with their .ts extension" }
    if (!target.startsWith("src/")) return { problem, remedy: "import nothing from outside of src" }
    const targetRoom = roomOf(target)
    if (rooms.includes(room) && rooms.indexOf(targetRoom) > rooms.indexOf(room)) {
      return { problem: `${problem}, upwards`, remedy: "imports point one way: layers -> services -> domain" }
    }
    if (!rooms.includes(targetRoom)) return { problem, remedy: "import from the module itself, not from an entry file" }
    const apart = apartOf(target)
    const isApart = apart !== undefined && apart !== apartOf(file) && file !== `src/${apart}.ts` && !isCommand(file)
    if (isApart && !mayKnow(apartOf(file), apart)) {
      return { problem, remedy: `only src/${apart}.ts and modules of a folder ${apart} may know it` }
    }
    return room === "domain" ? folderProblem(file, target, problem) : undefined
  }
  if (/^effect(\/[a-z-]+)?$|^@effect\/[^/]+$/.test(specifier)) {
    return { problem, remedy: "import one module per line, e.g. effect/Schema, not a barrel" }
  }
  // Who runs workflows over PostgreSQL has its client; it is loaded where that layer is built.
  const isDatabase = lazy && apartOf(file) === "workflow" && specifier.startsWith("@effect/sql-pg/")
  if (!isDatabase && !/^(effect|@effect\/platform-node)\/|^node:/.test(specifier)) {
    return { problem, remedy: "the package depends on effect only" }
  }
  if (room === "domain" && !pureModules.has(specifier.replace(/^effect\//, ""))) {
    return { problem, remedy: "domain is pure; move this code to services or layers" }
  }
  if (room === "services" && (!specifier.startsWith("effect/") || (effectful.test(specifier) && !typeOnly))) {
    return { problem, remedy: "services are contracts; what touches HTTP, storage or a platform belongs to layers" }
  }
  return undefined
}

const folderProblem = (file: string, target: string, problem: string) => {
  const folder = folderOf(file)
  const targetFolder = folderOf(target)
  return folder === targetFolder || folders.get(folder)?.includes(targetFolder) === true ? undefined : {
    problem: `${problem}, from ${folder} to ${targetFolder}`,
    remedy: `domain/${folder} may know ${folders.get(folder)?.join(", ") || "no other folder"}`
  }
}

const globalProblem = (node: Node): Omit<Violation, "file" | "line"> | undefined => {
  const name = path(node)
  if (name !== undefined) {
    const banned = bannedMembers.find(([pattern]) => pattern.test(name))
    if (node.type === "MemberExpression" && banned) return { problem: `uses ${name}`, remedy: banned[1] }
    if (node.type === "Identifier" && timers.has(name)) {
      return { problem: `uses ${name}`, remedy: "wait with Effect.sleep, Effect.timeout or a Schedule" }
    }
  }
  if (/^(New|Call)Expression$/.test(node.type) && path(node["callee"]) === "Date") {
    return { problem: "constructs a Date", remedy: "use DateTime" }
  }
  if (/^TS(As|TypeAssertion)/.test(node.type)) {
    const type = node["typeAnnotation"]
    if (isNode(type) && type.type === "TSAnyKeyword") {
      return { problem: "casts to any", remedy: "narrow with Predicate or decode with Schema" }
    }
  }
  return undefined
}

/** What makes a constant that few programs use: combinators and references. */
const makers = new Set(["dual", "Context.Reference"])

/** The calls at the top of a module that make such constants, and are not marked as pure: no bundler leaves them out. */
const unmarked = (program: Node | undefined, text: string): ReadonlyArray<Node> =>
  [program?.["body"]].flat().filter(isNode)
    .map((statement) => isNode(statement["declaration"]) ? statement["declaration"] : statement)
    .flatMap((statement) => [statement["declarations"] ?? []].flat())
    .flatMap((declarator) => isNode(declarator) && isNode(declarator["init"]) ? [declarator["init"]] : [])
    .filter((init) => init.type === "CallExpression" && makers.has(path(init["callee"]) ?? ""))
    .filter((init) => !/@__PURE__ \*\/\s*$/.test(text.slice(0, init.start)))

/** Checks one module of `src`; `file` is its path from the root of the package, with forward slashes. */
export const check = (file: string, text: string): ReadonlyArray<Violation> => {
  const found: Array<Violation> = []
  const report = (line: number, problem: string, remedy: string) => found.push({ file, line, problem, remedy })

  const lines = text.replace(/\n$/, "").split("\n")
  if (text.trim() === "") report(1, "is empty", "remove it")
  if (lines.length > maxLines) report(maxLines + 1, `has ${lines.length} lines`, "split it into two concepts")
  for (const [index, line] of lines.entries()) {
    const directive = /@ts-(ignore|expect-error|nocheck)/.exec(line)
    if (directive) report(index + 1, `switches the compiler off with ${directive[0]}`, "fix the type")
  }

  const parsed = parse(text)
  const isEntry = file.split("/").length === 2
  if (!isEntry && !rooms.includes(roomOf(file))) {
    report(1, "is in no room", `move it to one of src/{${rooms.join(",")}}`)
  }
  if (roomOf(file) === "domain" && !(folders.has(folderOf(file)) && file.split("/").length === 4)) {
    report(1, "is in no folder of domain", `move it to one of src/domain/{${Array.from(folders.keys()).join(",")}}`)
  }
  if (isEntry) {
    for (const statement of [parsed.nodes[0]?.["body"]].flat().filter(isNode)) {
      if (statement.type === "ExportAllDeclaration") continue
      report(parsed.lineOf(statement.start), "has code in an entry file", "keep `export * [as Name] from` lines only")
    }
  }
  for (const imported of importsOf(parsed)) {
    const broken = importProblem(file, imported)
    if (broken) report(imported.line, broken.problem, broken.remedy)
  }
  for (const node of parsed.nodes) {
    const broken = globalProblem(node)
    if (broken) report(parsed.lineOf(node.start), broken.problem, broken.remedy)
  }
  for (const call of unmarked(parsed.nodes[0], text)) {
    report(parsed.lineOf(call.start), "stays in every bundle", "write /* @__PURE__ */ before the call")
  }
  return found
}

/** The modules that come with `entry`: all that it needs to run, and what those need. */
export const runsWith = (entry: string, sources: ReadonlyMap<string, string>): ReadonlySet<string> => {
  const seen = new Set<string>()
  const visit = (file: string) => {
    const text = sources.get(file)
    if (text === undefined || seen.has(file)) return
    seen.add(file)
    for (const { specifier, typeOnly } of importsOf(parse(text))) {
      if (!typeOnly && specifier.startsWith(".")) visit(resolve(file, specifier))
    }
  }
  visit(entry)
  return seen
}

/**
 * Checks that the modules reachable from `entry` run on every platform: the Node parts are an optional peer, and one
 * import of them from elsewhere breaks every program that does not have it installed. What the engines of workflows load
 * only where they are built breaks nobody else.
 */
export const checkPortable = (entry: string, sources: ReadonlyMap<string, string>): ReadonlyArray<Violation> => {
  const found: Array<Violation> = []
  const seen = new Set<string>()
  const visit = (file: string) => {
    const text = sources.get(file)
    if (text === undefined || seen.has(file)) return
    seen.add(file)
    for (const { lazy, line, specifier, typeOnly } of importsOf(parse(text))) {
      if ((lazy || typeOnly) && entry === "src/workflow.ts") continue
      if (specifier.startsWith(".")) visit(resolve(file, specifier))
      else if (/^node:|^@effect\/platform-node/.test(specifier)) {
        const problem = `imports "${specifier}" and is reachable from ${entry}`
        found.push({ file, line, problem, remedy: "make it reachable from src/node.ts only" })
      }
    }
  }
  visit(entry)
  return found
}

/** What makes up the way of a call, by what a module has to use to weave it. */
const threads: ReadonlyMap<string, RegExp> = new Map([
  ["span", /\b(Tracing\.(call|stream)|(use|with|make)Span(Scoped)?|makeSpanScoped)\b/],
  ["retry", /\bRetryPolicy\.retried\b|\bEffect\.retry\b/],
  ["admission", /\.(settle|admitted|enter)\b/]
])

/** The threads of the way of a call that a module uses, comments left out. */
export const threadsOf = (text: string): ReadonlyArray<string> => {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
  return Array.from(threads).flatMap(([thread, pattern]) => pattern.test(code) ? [thread] : [])
}

/**
 * Checks that one module alone brings span, retry and admission together: whatever sends, each call goes the same way, and
 * what is added to it is added at one place.
 */
export const checkWeave = (sources: ReadonlyMap<string, string>, kernel: string): ReadonlyArray<Violation> =>
  Array.from(sources).flatMap(([file, text]) => {
    const found = threadsOf(text)
    if (file === kernel) {
      return found.length === threads.size
        ? []
        : [{ file, line: 1, problem: `weaves only ${found.join(", ")}`, remedy: "all of span, retry and admission" }]
    }
    return found.length < 2
      ? []
      : [{ file, line: 1, problem: `weaves ${found.join(" and ")}`, remedy: `let ${kernel} do it` }]
  })

/** Checks that no two modules of `domain` have one name: who reads an import must not need its path. */
export const checkNames = (files: Iterable<string>): ReadonlyArray<Violation> => {
  const first = new Map<string, string>()
  return Array.from(files).filter((file) => roomOf(file) === "domain").flatMap((file) => {
    const name = posix.basename(file)
    const other = first.get(name)
    if (other === undefined) first.set(name, file)
    return other === undefined
      ? []
      : [{ file, line: 1, problem: `has the name of ${other}`, remedy: "give it a name of its own" }]
  })
}
