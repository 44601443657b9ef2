/**
 * Generated requests have the form that the specification asks for, with words made up at random. Some of them no server
 * would take, and our client does not send them: links that lead nowhere, names with spaces, a request without any input.
 */
import { isJson } from "./spec.ts"

const link = "https://example.com/a"

const named = ["function", "custom", "namespace"]

/** The same value with links, names and data that mean something. */
export const sensible = (value: unknown, index = 0): unknown => {
  if (Array.isArray(value)) return value.map(sensible)
  if (!isJson(value)) return value
  const json: Record<string, unknown> = Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, sensible(member)])
  )
  const { type } = json
  if (type === "input_image") return linked(json, ["image_url"])
  if (type === "input_file") return linked(json, ["file_url", "file_data"])
  if (type === "input_video") return { ...json, video_url: link }
  if (type === "input_audio") return { ...json, input_audio: { ...Object(json["input_audio"]), data: "UklGRg==" } }
  if (typeof type !== "string" || !named.includes(type)) return json
  const { parameters } = json
  return {
    ...json,
    name: `tool_${index}`,
    ...(isJson(parameters) ? { parameters: { properties: {}, ...parameters, type: "object" } } : {})
  }
}

const linked = (part: { readonly [key: string]: unknown }, fields: ReadonlyArray<string>) => {
  const there = fields.filter((field) => typeof part[field] === "string")
  const isSomewhere = there.length > 0 || typeof part["file_id"] === "string"
  return { ...part, ...Object.fromEntries((isSomewhere ? there : fields).map((field) => [field, link])) }
}

/** A request that asks something, and leaves the choice of a tool to the model. */
export const asking = (request: object): { readonly [key: string]: unknown } => {
  const { input, tool_choice, ...others }: { readonly [key: string]: unknown } = { ...request }
  return {
    ...others,
    input: input === undefined || Array.isArray(input) && input.length === 0 ? "Hello" : input,
    ...(tool_choice === undefined ? {} : { tool_choice: "auto" })
  }
}
