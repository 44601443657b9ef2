/**
 * Which requests go into which batch, and which cannot go into any.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { InvalidRequest } from "../error/OpenRouterError.ts"
import * as CreateResponse from "../request/CreateResponse.ts"
import * as RequestBody from "../request/RequestBody.ts"
import * as Sha256 from "../wire/Sha256.ts"
import * as Wire from "../wire/Wire.ts"

/**
 * How large a batch may be.
 *
 * @since 0.1.0
 */
export interface Limits {
  /** Requests in one batch. Default 5,000, which is OpenRouter's limit. */
  readonly maxRequests?: number | undefined
  /** Bytes of one batch. Default 50 million, so that its answers can be received; OpenRouter's limit is 200 million. */
  readonly maxBytes?: number | undefined
}

/**
 * A request as a batch carries it.
 *
 * @since 0.1.0
 */
export interface Entry {
  /** By which its owner knows it: its place in a list, or the key of a call. */
  readonly name: string
  readonly model: string
  /** Its JSON text, without the model. */
  readonly body: string
  /** Requests of different groups never share a batch. */
  readonly group: string
}

/**
 * A batch that is to be.
 *
 * @since 0.1.0
 */
export interface Part {
  readonly model: string
  readonly entries: ReadonlyArray<Entry>
  /** The same for the same requests. */
  readonly digest: string
}

/**
 * Prepares a request, or says what about it a batch cannot carry.
 *
 * @since 0.1.0
 */
export const entryOf = (
  name: string,
  request: CreateResponse.CreateResponse,
  mark?: string
): Result.Result<Entry, InvalidRequest> =>
  Result.flatMap(
    CreateResponse.toBody(request, mark === undefined ? { stream: false } : { stream: false, mark }),
    (text) => ofBody(name, text)
  )

/**
 * The same of a body that was checked already.
 *
 * @since 0.1.0
 */
export const ofBody = (name: string, text: string): Result.Result<Entry, InvalidRequest> => {
  const json: unknown = JSON.parse(text)
  if (!Wire.isJsonObject(json)) return Result.fail(RequestBody.invalid(json, "is not a JSON object"))
  const { model, ...body } = json
  if (typeof model !== "string") {
    return Result.fail(RequestBody.invalid(json, "is missing: a batch is for one model", "model"))
  }
  const flaw = flawOf(json)
  if (flaw !== undefined) return Result.fail(RequestBody.invalid(json, flaw.problem, flaw.field))
  // All requests of a batch for one of Google's models ask for the same form.
  const format = /^~?google\//.test(model) && Wire.isJsonObject(json["text"]) ? json["text"]["format"] : undefined
  return Result.succeed({
    name,
    model,
    body: JSON.stringify(body),
    group: format === undefined ? model : `${model} ${JSON.stringify(format)}`
  })
}

interface Flaw {
  readonly field: string
  readonly problem: string
}

/** What a batch cannot carry. */
const flawOf = (json: Wire.JsonObject): Flaw | undefined => {
  const { input, modalities, model, models, plugins, prompt, provider, tools } = json
  if (Array.isArray(models) && models.length > 0) {
    return { field: "models", problem: "cannot go into a batch, which is for one model: send model alone" }
  }
  if (typeof model === "string" && model.endsWith(":online")) {
    return { field: "model", problem: "searches the web, which no batch does: leave out :online" }
  }
  if (prompt !== undefined) return { field: "prompt", problem: "cannot go into a batch: write the input" }
  if (Array.isArray(modalities) && modalities.includes("image")) {
    return { field: "modalities", problem: "cannot ask for images in a batch, whose answers are text" }
  }
  if (Wire.isJsonObject(provider) && provider["zdr"] === true) {
    return { field: "provider.zdr", problem: "is not possible in a batch, which OpenRouter keeps for 30 days" }
  }
  const plugin = indexOf(plugins, ({ id }) => id === "web")
  if (plugin !== undefined) return { field: `plugins[${plugin}]`, problem: "searches the web, which no batch does" }
  const tool = indexOf(tools, ({ type }) => typeof type === "string" && /web_search|web_fetch/.test(type))
  if (tool !== undefined) return { field: `tools[${tool}]`, problem: "searches the web, which no batch does" }
  return mediaFlaw(input, "input")
}

const indexOf = (list: unknown, test: (member: Wire.JsonObject) => boolean): number | undefined => {
  const index = Array.isArray(list) ? list.findIndex((member) => Wire.isJsonObject(member) && test(member)) : -1
  return index === -1 ? undefined : index
}

/** Media by their bytes, wherever they are; those that a URL leads to the provider fetches itself. */
const mediaFlaw = (value: unknown, field: string): Flaw | undefined => {
  if (Array.isArray(value)) {
    for (const [index, member] of value.entries()) {
      const flaw = mediaFlaw(member, `${field}[${index}]`)
      if (flaw !== undefined) return flaw
    }
    return undefined
  }
  if (!Wire.isJsonObject(value)) return undefined
  const { type } = value
  if (type === "input_audio") return { field, problem: "is audio, which no batch carries" }
  if (type === "input_video" && isData(value["video_url"])) return { field, problem: byUrl }
  if (type === "input_image" && (isData(value["image_url"]) || value["file_id"] !== undefined)) {
    return { field, problem: byUrl }
  }
  if (type === "input_file" && (value["file_data"] !== undefined || isData(value["file_url"]))) {
    return { field, problem: byUrl }
  }
  return mediaFlaw(value["content"], `${field}.content`) ?? mediaFlaw(value["output"], `${field}.output`)
}

const byUrl = "is data, which no batch carries: give a URL from which the provider can fetch it"

const isData = (url: unknown): boolean => typeof url === "string" && !/^https?:/i.test(url)

/** What a request takes besides its body: its id and the words around both. */
const around = 64

/**
 * Puts requests into batches, in their order: by model, and then by size. The same requests make another batch at another `time`.
 *
 * @since 0.1.0
 */
export const split = (
  entries: Iterable<Entry>,
  limits: Limits = {},
  time = 0
): ReadonlyArray<Part> => {
  const maxRequests = Math.max(1, Math.min(5000, Math.floor(limits.maxRequests ?? 5000)))
  const maxBytes = limits.maxBytes ?? 50_000_000
  const open = new Map<string, { bytes: number; entries: Array<Entry> }>()
  const parts: Array<ReadonlyArray<Entry>> = []
  for (const entry of entries) {
    // No character has more than three bytes for each of its units.
    const bytes = entry.body.length * 3 <= maxBytes / maxRequests ? entry.body.length * 3 : utf8(entry.body)
    let last = open.get(entry.group)
    if (last === undefined || last.entries.length >= maxRequests || last.bytes + bytes + around > maxBytes) {
      last = { bytes: 0, entries: [] }
      open.set(entry.group, last)
      parts.push(last.entries)
    }
    last.entries.push(entry)
    last.bytes += bytes + around
  }
  return parts.map((entries) => partOf(entries, time))
}

const utf8 = (text: string): number => new TextEncoder().encode(text).length

const partOf = (entries: ReadonlyArray<Entry>, time: number): Part => {
  const model = entries[0]?.model ?? ""
  const text = entries.map(({ body, name }) => `${JSON.stringify(name)}${body}`).join("\n")
  return { model, entries, digest: Sha256.hex(`${model} ${time}\n${text}`).slice(0, 32) }
}
