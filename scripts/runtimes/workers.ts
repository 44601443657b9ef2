/**
 * Workers in workerd, without `nodejs_compat`: the program, and both Workers of `docs/workers.md`.
 *
 * They are bundled by esbuild as wrangler does it.
 */
import { Effect, Schema, type Scope } from "effect"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { run } from "./command.ts"
import * as Documents from "./documents.ts"
import * as Emulated from "./emulator.ts"
import * as Program from "./programs/program.ts"

/** As much of miniflare as is used. */
interface Miniflare {
  readonly ready: Promise<URL>
  readonly dispose: () => Promise<void>
  readonly getKVNamespace: (name: string) => Promise<{ readonly put: (key: string, value: string) => Promise<void> }>
}

interface Options {
  readonly bindings?: Readonly<Record<string, string>>
  readonly kvNamespaces?: ReadonlyArray<string>
  readonly serviceBindings?: Readonly<Record<string, (request: { readonly url: string }) => Response>>
}

/** A session that the Worker with the key knows. */
export const session = "session-of-ann"

const compatibilityDate = "2026-06-01"

/** Bundles a program of the project. */
export const bundle = Effect.fnUntraced(function*(project: string, tools: string, file: string) {
  const out = join(project, "bundles", file.replace(/\.ts$/, ".js"))
  mkdirSync(join(project, "bundles"), { recursive: true })
  const { isFine, output } = yield* run(project, [
    join(tools, "node_modules", ".bin", "esbuild"),
    file,
    "--bundle",
    "--minify",
    "--format=esm",
    "--target=es2022",
    "--conditions=workerd,worker,browser",
    "--log-level=warning",
    `--outfile=${out}`
  ])
  if (!isFine) return yield* Effect.die(new Error(`esbuild ${file}: ${output}`))
  return readFileSync(out, "utf8")
})

/** Starts a Worker that ends with the scope. */
const start = (tools: string, script: string, options: Options = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const path = createRequire(join(tools, "package.json")).resolve("miniflare")
      const module: { readonly Miniflare: new(options: object) => Miniflare } = await import(pathToFileURL(path).href)
      const worker = new module.Miniflare({
        modules: true,
        script,
        compatibilityDate,
        host: "127.0.0.1",
        port: 0,
        ...options
      })
      return { worker, url: (await worker.ready).href }
    }),
    ({ worker }) => Effect.promise(() => worker.dispose())
  )

/** Runs the program in a Worker, with each of these clients. */
export const program = Effect.fnUntraced(function*(tools: string, script: string) {
  const { url } = yield* start(tools, script)
  return (client: string, places: Program.Places): Effect.Effect<ReadonlyArray<Program.Result>> =>
    Effect.promise(async () => {
      const asked = { method: "POST", body: JSON.stringify(places) }
      const answer = await fetch(`${url}?${new URLSearchParams({ client })}`, asked)
      const text = await answer.text()
      if (!answer.ok) throw new Error(text)
      return JSON.parse(text)
    })
})

const Event = Schema.Struct({ _tag: Schema.String, delta: Schema.optionalKey(Schema.String) })

const right = (isRight: boolean, what: () => unknown): Effect.Effect<void> =>
  isRight ? Effect.void : Effect.die(new Error(JSON.stringify(what())))

/** The Worker that asks the model: it answers, refuses, and stops when its reader leaves. */
export const asking = Effect.fnUntraced(function*(project: string, tools: string, places: Program.Places) {
  writeFileSync(join(project, "asking.ts"), Documents.example("docs/workers.md", "export default worker"))
  const script = yield* bundle(project, tools, "asking.ts")
  const bindings = { OPENROUTER_API_KEY: Emulated.key, OPENROUTER_API_URL: places.apiUrl }
  const { url } = yield* start(tools, script, { bindings })
  const ask = (body: string, signal?: AbortSignal) =>
    Effect.promise(() => fetch(url, { method: "POST", body, ...(signal === undefined ? {} : { signal }) }))
  const answers = Effect.gen(function*() {
    const response = yield* ask(JSON.stringify({ question: "Who are you?" }))
    const text = yield* Effect.promise(() => response.text())
    const events = text.trim().split("\n\n").map((event) => JSON.parse(event.replace("data: ", "")))
    const known = yield* Schema.decodeUnknownEffect(Schema.Array(Event))(events)
    yield* right(known.length > 3 && known.at(-1)?._tag === "Done", () => known)
    yield* right((yield* ask("{}")).status === 400, () => "a question of the wrong shape is no 400")
  })
  const leaves = Effect.gen(function*() {
    const before = yield* Program.seen(places)
    const controller = new AbortController()
    const response = yield* ask(JSON.stringify({ question: "Tell me an endless story." }), controller.signal)
    yield* Effect.promise(async () => response.body?.getReader().read())
    yield* Program.untilSeen(places, "a request", ({ open }) => open === before.open + 1)
    controller.abort()
    yield* Program.untilLeft(places, before)
  })
  return yield* Effect.all([
    Program.timed("the Worker that asks, of the documentation", answers),
    Program.timed("its reader leaves, and its connection to OpenRouter is closed", leaves)
  ])
})

const site = `import proxy from "./proxy.ts"
export default {
  fetch: (request, env) => request.method === "GET" ? env.ASSETS.fetch(request) : proxy.fetch(request, env)
}
`

const html = `<!doctype html><title>A town</title><script type="module" src="/page.js"></script>`

const asset = (script: string) => ({ url }: { readonly url: string }): Response =>
  url.endsWith("/page.js")
    ? new Response(script, { headers: { "content-type": "text/javascript" } })
    : new Response(html, { headers: { "content-type": "text/html" } })

/** The Worker that has the key of a page, and serves that page: gives its address. */
export const proxy = Effect.fnUntraced(function*(project: string, tools: string, page: string, places: Program.Places) {
  writeFileSync(join(project, "proxy.ts"), Documents.example("docs/workers.md", "export default proxy"))
  writeFileSync(join(project, "site.ts"), site)
  const script = yield* bundle(project, tools, "site.ts")
  const { url, worker } = yield* start(tools, script, {
    bindings: { OPENROUTER_API_KEY: Emulated.key, OPENROUTER_API_URL: places.apiUrl, MODELS: Program.models.join() },
    kvNamespaces: ["SESSIONS"],
    serviceBindings: { ASSETS: asset(page) }
  })
  yield* Effect.promise(async () => (await worker.getKVNamespace("SESSIONS")).put(session, "ann"))
  return url
})

/** The same page at an address of its own, which has nothing to ask. */
export const elsewhere = (page: string): Effect.Effect<string, never, Scope.Scope> => {
  const answer = asset(page)
  return Emulated.serve((request, response) => {
    const found = answer({ url: request.url ?? "" })
    found.text().then((text) => response.writeHead(200, Object.fromEntries(found.headers)).end(text))
  })
}
