/**
 * Which items of a history belong together: a call and its output, a request for an approval and its response.
 *
 * Items are told by their type and their ids, also where this version does not know them.
 *
 * @since 0.1.0
 */
import type { InputItem } from "../request/Input.ts"
import type { OutputItem } from "../response/OutputItem.ts"
import * as Wire from "../wire/Wire.ts"

/**
 * An item of a history.
 *
 * @since 0.1.0
 */
export type Item = InputItem | OutputItem

/**
 * The wire type of an item; a message need not say it.
 *
 * @since 0.1.0
 */
export const typeOf = (item: Item): string => item.type === "unknown" ? item.wireType : item.type ?? "message"

/** A text of an item, by its name in the type and on the wire. */
const field = (item: Item, name: string): string | undefined => {
  const source: unknown = item.type === "unknown" ? item.raw : item
  if (!Wire.isJsonObject(source)) return undefined
  const value = source[name] ?? source[Wire.snakeCase(name)]
  return typeof value === "string" && value !== "" ? value : undefined
}

/**
 * The id of an item, and how far it got.
 *
 * @since 0.1.0
 */
export const idOf = (item: Item): string | undefined => field(item, "id")

/**
 * @since 0.1.0
 */
export const statusOf = (item: Item): string | undefined => field(item, "status")

/**
 * The names under which others may refer to an item.
 *
 * @since 0.1.0
 */
export const namesOf = (item: Item): ReadonlyArray<string> => {
  const type = typeOf(item)
  if (type === "mcp_approval_request") return compact([field(item, "id")])
  if (!type.endsWith("_call") && !type.startsWith("openrouter:")) return []
  // The output of a local shell has the id of its call as its own.
  return compact([field(item, "callId"), type === "local_shell_call" ? field(item, "id") : undefined])
}

/**
 * The name of the call that an item answers; `undefined` if it is no output.
 *
 * @since 0.1.0
 */
export const answeredBy = (item: Item): string | undefined => {
  const type = typeOf(item)
  if (type === "mcp_approval_response") return field(item, "approvalRequestId")
  return type.endsWith("_call_output") ? field(item, "callId") ?? field(item, "id") : undefined
}

/**
 * The names that an item refers to, in whatever way.
 *
 * @since 0.1.0
 */
export const refersTo = (item: Item): ReadonlyArray<string> =>
  compact([answeredBy(item), field(item, "subagentId"), field(item, "approvalRequestId")])

/**
 * True for a call that the program, or whoever is asked, has to answer before the model can go on.
 *
 * @since 0.1.0
 */
export const awaitsAnswer = (item: Item): boolean => awaiting.has(typeOf(item))

const awaiting = new Set([
  "function_call",
  "custom_tool_call",
  "computer_call",
  "shell_call",
  "local_shell_call",
  "apply_patch_call",
  "openrouter:apply_patch",
  "mcp_approval_request"
])

const compact = (names: ReadonlyArray<string | undefined>): ReadonlyArray<string> =>
  names.filter((name) => name !== undefined)
