/**
 * What a request asks for that costs money, as far as it can be told before it is sent. Counted rather too high.
 *
 * | what | counts as |
 * |---|---|
 * | text | one token for two bytes of it as UTF-8 |
 * | lists of items, tools, schemas, files, sounds and videos | one token for two bytes of their JSON, data included |
 * | an image | 4,096 tokens, and one image; its data does not count |
 * | a file, sound or video by URL | its URL: what is behind it is not known |
 * | the plugin `web`, or a model `:online` | its `maxUses`, or one search |
 * | a web search tool | its `maxUses`, or the `maxToolCalls` of the request, or one search |
 *
 * @since 0.1.0
 */
import * as Wire from "../wire/Wire.ts"
import type { CreateResponse } from "./CreateResponse.ts"

/**
 * What a request asks for.
 *
 * @since 0.1.0
 */
export interface RequestSize {
  /** Tokens of the input. */
  readonly inputTokens: number
  readonly images: number
  readonly hasAudio: boolean
  /** Images that are asked for. */
  readonly imagesOut: number
  readonly searches: number
  /** Whether it asks for a cache that lasts an hour. */
  readonly hasLongCache: boolean
}

/** More than an image has with any model that tells: the largest are about 2,500. */
const tokensOfImage = 4096

const encoder = /* @__PURE__ */ new TextEncoder()

/** Where texts are written to be counted; nobody reads it. To make room for each would take longer than all the rest. */
const scratch = /* @__PURE__ */ new Uint8Array(16_384)

/** Bytes of a text as UTF-8. */
const bytesOf = (text: string): number => {
  let bytes = 0
  for (let from = 0; from < text.length;) {
    const { read, written } = encoder.encodeInto(from === 0 ? text : text.slice(from), scratch)
    if (read === 0) break
    from += read
    bytes += written
  }
  return bytes
}

/**
 * The size of a request; `inputTokens` if they are known better.
 *
 * @since 0.1.0
 */
export const of = (request: CreateResponse, inputTokens?: number): RequestSize => {
  const { cacheControl, input, instructions, modalities, model, plugins, prompt, text, tools } = request
  const isText = typeof input === "string"
  // Most requests are a text or two, and to write them as JSON takes longer than all the rest.
  const json = isText && prompt === undefined && text === undefined && tools === undefined
    ? ""
    : JSON.stringify([isText ? undefined : input, prompt, text, tools])
  const hasImages = !isText && json.includes("_image\"")
  const images = hasImages ? imagesIn([input, prompt, tools]) : none
  const bytes = inputTokens === undefined
    ? bytesOf(json) - images.dataLength + (isText ? bytesOf(input) : 0) +
      (instructions === undefined ? 0 : bytesOf(instructions))
    : 0
  return {
    inputTokens: (inputTokens ?? Math.ceil(bytes / 2)) + images.count * tokensOfImage,
    images: images.count,
    hasAudio: !isText && json.includes("\"input_audio\""),
    imagesOut: modalities?.includes("image") === true || tools !== undefined && json.includes("image_generation\"")
      ? 1
      : 0,
    searches: tools === undefined && plugins === undefined && model?.includes(":online") !== true
      ? 0
      : searchesOf(request),
    hasLongCache: cacheControl?.ttl === "1h" || !isText && json.includes("\"1h\"")
  }
}

interface Images {
  readonly count: number
  /** Bytes of those that are in the request itself. */
  readonly dataLength: number
}

const none: Images = { count: 0, dataLength: 0 }

/** Goes through content, which may be nested: results of tools hold images as well. */
const imagesIn = (value: unknown): Images => {
  if (Array.isArray(value)) {
    let count = 0
    let dataLength = 0
    for (const member of value) {
      const inside = imagesIn(member)
      count += inside.count
      dataLength += inside.dataLength
    }
    return count === 0 ? none : { count, dataLength }
  }
  if (!Wire.isJsonObject(value)) return none
  const { imageUrl, type } = value
  if (type !== "input_image" && type !== "computer_call_output") return imagesIn(Object.values(value))
  // Data in base64 has one byte for each character.
  return { count: 1, dataLength: typeof imageUrl === "string" && imageUrl.startsWith("data:") ? imageUrl.length : 0 }
}

const searchesOf = ({ maxToolCalls, model, plugins = [], tools = [] }: CreateResponse): number => {
  let searches = model?.includes(":online") === true ? 1 : 0
  for (const plugin of plugins) {
    if ("id" in plugin && plugin.id === "web" && isOn(plugin)) searches += usesOf(plugin) ?? 1
  }
  for (const tool of tools) {
    if (!("type" in tool) || tool.type?.includes("web_search") !== true) continue
    searches += ("parameters" in tool ? usesOf(tool.parameters) : undefined) ?? maxToolCalls ?? 1
  }
  return searches
}

const isOn = (plugin: object): boolean => !("enabled" in plugin && plugin.enabled === false)

const usesOf = (settings: unknown): number | undefined =>
  typeof settings === "object" && settings !== null && "maxUses" in settings && typeof settings.maxUses === "number"
    ? settings.maxUses
    : undefined
