/**
 * A prompt of `effect/ai` as the input of a request.
 *
 * What this provider answered goes back as it came: reasoning with its encrypted content, calls, results of server tools, and
 * items that this version does not know. Reasoning of another provider means nothing to this one and is left out.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import * as SchemaParser from "effect/SchemaParser"
import * as Input from "../../domain/request/Input.ts"
import { OutputItem } from "../../domain/response/OutputItem.ts"
import * as ResultText from "../../domain/tool/ResultText.ts"
import { lazy } from "../../domain/wire/Lazy.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import type * as Metadata from "./Metadata.ts"

/**
 * The items of a prompt, in its order.
 *
 * @since 0.1.0
 */
export const fromPrompt = ({ content }: Prompt.Prompt): ReadonlyArray<Input.InputItem> => content.flatMap(ofMessage)

const ofMessage = (message: Prompt.Message): ReadonlyArray<Input.InputItem> => {
  switch (message.role) {
    case "system": {
      const { content, options } = message
      return [Input.system(isCached(options.openrouter) ? [text(content, true)] : content)]
    }
    case "user":
      return [Input.user(userParts(message))]
    case "assistant":
      return assistantItems(message.content)
    case "tool":
      return message.content.flatMap((part) => part.type === "tool-result" ? [resultOf(part)] : [])
  }
}

const isCached = (options: Metadata.CacheOptions | null | undefined): boolean =>
  options?.cacheControl !== undefined && options.cacheControl !== null

const text = (text: string, isCached: boolean): Input.InputText =>
  isCached ? { ...Input.text(text), promptCacheBreakpoint: { mode: "explicit" } } : Input.text(text)

/** The cache mark of a message is that of its last text. */
const userParts = ({ content, options }: Prompt.UserMessage): ReadonlyArray<Input.InputPart> => {
  const last = isCached(options.openrouter) ? content.findLastIndex((part) => part.type === "text") : -1
  return content.map((part, index) =>
    part.type === "text" ? text(part.text, index === last || isCached(part.options.openrouter)) : filePart(part)
  )
}

/** Where the data of a file is: a URL, or base64. */
const dataOf = ({ data }: Prompt.FilePart): { readonly url: string } | { readonly base64: string } => {
  if (data instanceof URL) return { url: data.href }
  if (typeof data !== "string") return { base64: Base64.encode(data) }
  return /^(https?|data):/i.test(data) ? { url: data } : { base64: data }
}

const filePart = (part: Prompt.FilePart): Input.InputImage | Input.InputFile | Input.InputAudio | Input.InputVideo => {
  const { fileName, mediaType, options } = part
  const data = dataOf(part)
  const [kind = "", subtype = ""] = mediaType.toLowerCase().split(/[/;]/)
  const url = "url" in data
    ? data.url
    : `data:${kind === "image" && subtype === "*" ? "image/jpeg" : mediaType};base64,${data.base64}`
  if (kind === "image") return Input.image(url, Wire.compact({ detail: options.openrouter?.detail }))
  if (kind === "video") return Input.video(url)
  const sound = kind === "audio" ? formats.get(subtype) : undefined
  const bytes = "base64" in data ? data.base64 : /^data:[^,]*;base64,(.*)$/is.exec(data.url)?.[1]
  if (sound !== undefined && bytes !== undefined) return Input.audio(bytes, sound)
  return Input.file(url, { filename: fileName ?? `file.${/^[a-z0-9]+$/.test(subtype) ? subtype : "bin"}` })
}

const formats = new Map([["mpeg", "mp3"], ["mp3", "mp3"], ["wav", "wav"], ["x-wav", "wav"], ["wave", "wav"]])

/** Parts of a result: text, images and documents. */
const resultPart = (part: Prompt.ToolModelOutputPart): Input.ResultPart => {
  if (part.type === "text") return Input.text(part.text)
  const file = filePart(part)
  return file.type === "input_image" || file.type === "input_file" ? file : Input.text(`[${part.mediaType}]`)
}

const resultOf = ({ id, isFailure, modelOutput, result }: Prompt.ToolResultPart): Input.FunctionCallOutput => {
  const words = ResultText.ofJson(result)
  return Input.functionCallOutput(
    { callId: id },
    modelOutput !== undefined ? modelOutput.map(resultPart) : isFailure ? ResultText.ofFailure(words) : words
  )
}

const decodeItem = lazy(() => SchemaParser.decodeUnknownSync(OutputItem))

/** An item that was kept; it remembers its JSON, which is what is sent. */
const kept = (options: Partial<Metadata.Item> | null | undefined): OutputItem | undefined =>
  options?.item === undefined || !Wire.isJsonObject(options.item) ? undefined : decodeItem()(options.item)

const assistantItems = (parts: Prompt.AssistantMessage["content"]): ReadonlyArray<Input.InputItem> => {
  const items: Array<Input.InputItem> = []
  // The texts of one message of an answer are its parts again.
  let message: { readonly id: string; readonly content: Array<Input.InputPart> } | undefined
  for (const part of parts) {
    if (part.type === "text") {
      const { id, phase, refusal } = part.options.openrouter ?? {}
      const content: Input.InputPart = refusal === undefined
        ? { type: "output_text", text: part.text, annotations: [] }
        : { type: "refusal", refusal }
      if (id === undefined) {
        message = undefined
        const words = refusal ?? part.text
        if (words !== "") items.push(Input.assistant(words))
      } else if (message?.id === id) message.content.push(content)
      else {
        message = { id, content: [content] }
        items.push({
          type: "message",
          id,
          role: "assistant",
          status: "completed",
          ...Wire.compact({ phase }),
          content: message.content
        })
      }
      continue
    }
    const item = itemOf(part)
    if (item === undefined) continue
    message = undefined
    items.push(item)
  }
  return items
}

const itemOf = (
  part: Exclude<Prompt.AssistantMessagePart, Prompt.TextPart>
): Input.InputItem | undefined => {
  switch (part.type) {
    case "reasoning":
    case "file":
      return kept(part.options.openrouter)
    case "tool-call": {
      const item = kept(part.options.openrouter)
      if (
        part.providerExecuted || item?.type === "function_call" && item.callId === part.id && item.name === part.name
      ) {
        return item
      }
      const { id: callId, name, params } = part
      const text = typeof params === "string" ? params : JSON.stringify(params ?? {})
      return { type: "function_call", callId, name, arguments: text }
    }
    case "tool-result":
      // The item of a server tool's call has its result as well.
      return part.providerExecuted ? undefined : resultOf(part)
    default:
      return undefined
  }
}
