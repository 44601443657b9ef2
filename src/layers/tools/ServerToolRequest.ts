/**
 * Tools of a toolkit that the server runs, as they are sent.
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import * as Schema from "effect/Schema"
import * as RequestTool from "../../domain/request/Tool.ts"
import { lazy } from "../../domain/wire/Lazy.ts"
import * as Wire from "../../domain/wire/Wire.ts"

const isTool = lazy(() => Schema.is(Schema.toType(RequestTool.Tool)))

/**
 * A tool that the server runs. OpenRouter's own have their arguments in `parameters`, those in OpenAI's shape beside their
 * type. Names in snake_case are those of the wire already, and so is all of a tool that this version does not know.
 *
 * @since 0.1.0
 */
export const make = ({ args, providerName }: Tool.AnyProviderDefined): RequestTool.Tool => {
  const given = Wire.isJsonObject(args) ? args : {}
  const isOwn = providerName.startsWith("openrouter:")
  const tool = { ...(isOwn ? Wire.compact({ parameters: args }) : given), type: providerName }
  return isTool()(tool) && !Object.keys(given).some((name) => name.includes("_"))
    ? tool
    : { type: "unknown", wireType: providerName, raw: tool }
}
