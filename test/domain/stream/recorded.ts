import { Predicate } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"

/** Recorded traffic and the official specification. They lie beside the checkout and are no part of the package. */
const shared = new URL("../../../../shared/", import.meta.url)

export const isPresent = existsSync(shared)

/** What to say where the recordings are absent. */
export const absent = `skipped: there are no recordings at ${shared.pathname}`

if (!isPresent) process.stderr.write(`${absent}\n`)

/** The JSON of the events in a text of server-sent events, comments and `[DONE]` left out. */
export const eventsOf = (text: string): ReadonlyArray<unknown> =>
  text.split(/\r?\n\r?\n/).flatMap((block) => {
    const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n")
    return data.trim() === "" || data.trim() === "[DONE]" ? [] : [JSON.parse(data)]
  })

export interface Recording {
  readonly name: string
  readonly events: ReadonlyArray<unknown>
}

/** The recorded streams by name. */
export const streams = (): ReadonlyArray<Recording> => {
  if (!isPresent) return []
  const folder = new URL("fixtures/streams/", shared)
  return readdirSync(folder).filter((file) => file.endsWith(".sse")).sort().map((file) => ({
    name: file.slice(0, -4),
    events: eventsOf(readFileSync(new URL(file, folder), "utf8"))
  }))
}

/** The events that the specification gives as examples, by type. */
export const examples = (): Readonly<Record<string, unknown>> => {
  if (!isPresent) return {}
  const spec: unknown = JSON.parse(readFileSync(new URL("spec/examples.json", shared), "utf8"))
  const events = Predicate.hasProperty(spec, "streamEvents") ? spec.streamEvents : undefined
  return Predicate.isObject(events) ? Object.fromEntries(Object.entries(events)) : {}
}

/** The recorded JSON bodies of a kind, by name. */
export const bodies = (kind: "requests" | "responses"): ReadonlyArray<readonly [name: string, json: unknown]> => {
  if (!isPresent) return []
  const folder = new URL(`fixtures/${kind}/`, shared)
  return readdirSync(folder).filter((file) => file.endsWith(".json")).sort().map((file) => [
    file.slice(0, -5),
    JSON.parse(readFileSync(new URL(file, folder), "utf8"))
  ])
}
