/**
 * The parts of a model's message: text with its annotations, and refusals.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "../wire/Codec.ts"
import { describedAs } from "../wire/Described.ts"
import * as Wire from "../wire/Wire.ts"

const optional = Schema.optionalKey

/**
 * A web page that the text cites, by character range of the text.
 *
 * @since 0.1.0
 */
export const UrlCitation = Wire.LazyStruct(
  () => ({
    type: Schema.tag("url_citation"),
    url: Schema.String,
    title: optional(Schema.String),
    content: optional(Schema.String),
    startIndex: optional(Schema.Finite),
    endIndex: optional(Schema.Finite)
  }),
  {},
  {
    // A long answer has hundreds of them, nearly all without content.
    usual: (json) => {
      const { end_index: endIndex, start_index: startIndex, title, type, url } = json
      return type === "url_citation" && typeof url === "string" && typeof title === "string" && isIndex(startIndex) &&
          isIndex(endIndex) && !("content" in json || "startIndex" in json || "endIndex" in json)
        ? { type: "url_citation" as const, url, title, startIndex, endIndex }
        : undefined
    }
  }
)

const isIndex = (u: unknown): u is number => Number.isFinite(u)

/**
 * @since 0.1.0
 */
export interface UrlCitation extends Schema.Schema.Type<typeof UrlCitation> {}

/**
 * A file that the text cites.
 *
 * @since 0.1.0
 */
export const FileCitation = Wire.LazyStruct(() => ({
  type: Schema.tag("file_citation"),
  fileId: Schema.String,
  filename: optional(Schema.String),
  index: optional(Schema.Finite)
}))

/**
 * @since 0.1.0
 */
export interface FileCitation extends Schema.Schema.Type<typeof FileCitation> {}

/**
 * A file that the model made.
 *
 * @since 0.1.0
 */
export const FilePath = Wire.LazyStruct(() => ({
  type: Schema.tag("file_path"),
  fileId: Schema.String,
  index: optional(Schema.Finite)
}))

/**
 * @since 0.1.0
 */
export interface FilePath extends Schema.Schema.Type<typeof FilePath> {}

/**
 * A file in a code interpreter's container that the text cites, by character range of the text.
 *
 * OpenRouter does not document it; models of OpenAI send it.
 *
 * @since 0.1.0
 */
export const ContainerFileCitation = Wire.LazyStruct(() => ({
  type: Schema.tag("container_file_citation"),
  containerId: Schema.String,
  fileId: Schema.String,
  filename: optional(Schema.String),
  startIndex: optional(Schema.Finite),
  endIndex: optional(Schema.Finite)
}))

/**
 * @since 0.1.0
 */
export interface ContainerFileCitation extends Schema.Schema.Type<typeof ContainerFileCitation> {}

const annotations = {
  url_citation: UrlCitation,
  file_citation: FileCitation,
  file_path: FilePath,
  container_file_citation: ContainerFileCitation
}

/**
 * What a text refers to.
 *
 * @since 0.1.0
 */
export const Annotation: Wire.OpenUnion<typeof annotations> = Wire.OpenUnion(annotations, {
  identifier: "Annotation",
  // In a request the API wants the whole citation, although some providers' answers lack a part.
  byHand: {
    url_citation: UrlCitation.with(() => ({ title: Schema.String, startIndex: Schema.Int, endIndex: Schema.Int })),
    file_citation: FileCitation.with(() => ({ filename: Schema.String, index: Schema.Int })),
    file_path: FilePath.with(() => ({ index: Schema.Int }))
  }
})

/**
 * @since 0.1.0
 */
export type Annotation = typeof Annotation.Type

/**
 * A token that the model considered, with the natural logarithm of its probability.
 *
 * @since 0.1.0
 */
export const TokenLogprob = Wire.LazyStruct(() => ({
  token: Schema.String,
  logprob: Schema.Finite,
  /** The token as UTF-8. */
  bytes: optional(Schema.Array(Schema.Int))
}))

/**
 * @since 0.1.0
 */
export interface TokenLogprob extends Schema.Schema.Type<typeof TokenLogprob> {}

/**
 * A token of the text, and the ones that were likely instead of it.
 *
 * @since 0.1.0
 */
export const Logprob = TokenLogprob.with(() => ({ topLogprobs: optional(Schema.Array(TokenLogprob)) }))

/**
 * @since 0.1.0
 */
export interface Logprob extends Schema.Schema.Type<typeof Logprob> {}

/**
 * Text of the answer.
 *
 * @since 0.1.0
 */
export const OutputText = Wire.LazyStruct(() => ({
  type: Schema.tag("output_text"),
  text: Schema.String,
  annotations: optional(Schema.Array(Annotation)),
  logprobs: optional(Schema.Array(Logprob))
}))

/**
 * @since 0.1.0
 */
export interface OutputText extends Schema.Schema.Type<typeof OutputText> {}

/**
 * The model's words why it does not answer.
 *
 * @since 0.1.0
 */
export const Refusal = Wire.LazyStruct(() => ({
  type: Schema.tag("refusal"),
  refusal: Wire.promised(Schema.String, "")
}))

/**
 * @since 0.1.0
 */
export interface Refusal extends Schema.Schema.Type<typeof Refusal> {}

/**
 * A piece of the model's reasoning.
 *
 * @since 0.1.0
 */
export const ReasoningText = Wire.LazyStruct(() => ({
  type: Schema.tag("reasoning_text"),
  text: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface ReasoningText extends Schema.Schema.Type<typeof ReasoningText> {}

/**
 * A piece of the summary of the model's reasoning.
 *
 * @since 0.1.0
 */
export const SummaryText = Wire.LazyStruct(() => ({
  type: Schema.tag("summary_text"),
  text: Schema.String
}))

/**
 * @since 0.1.0
 */
export interface SummaryText extends Schema.Schema.Type<typeof SummaryText> {}

/** Text of an answer in a message made by hand, where the API wants the bytes of each token. */
export const OutputTextByHand = OutputText.with(() => {
  const Token = TokenLogprob.with(() => ({ bytes: Schema.Array(Schema.Int) }))
  return { logprobs: optional(Schema.Array(Token.with(() => ({ topLogprobs: Schema.Array(Token) })))) }
})

const outputParts = { output_text: OutputText, refusal: Refusal }

/**
 * One part of an output message; an unknown part keeps its JSON.
 *
 * @since 0.1.0
 */
export const OutputPart: Wire.OpenUnion<typeof outputParts> = Wire.OpenUnion(outputParts, {
  identifier: "OutputPart",
  byHand: { output_text: OutputTextByHand }
})

/**
 * @since 0.1.0
 */
export type OutputPart = typeof OutputPart.Type

const reasoningParts = { reasoning_text: ReasoningText }

/**
 * One part of a reasoning item's content.
 *
 * @since 0.1.0
 */
export const ReasoningPart: Wire.OpenUnion<typeof reasoningParts> = Wire.OpenUnion(reasoningParts, {
  identifier: "ReasoningPart"
})

/**
 * @since 0.1.0
 */
export type ReasoningPart = typeof ReasoningPart.Type

const summaryParts = { summary_text: SummaryText }

/**
 * One part of a reasoning summary.
 *
 * @since 0.1.0
 */
export const SummaryPart: Wire.OpenUnion<typeof summaryParts> = Wire.OpenUnion(summaryParts, {
  identifier: "SummaryPart"
})

/**
 * @since 0.1.0
 */
export type SummaryPart = typeof SummaryPart.Type

/**
 * A list of parts, also where a text stands for it, or where a part is a text or has the type that other APIs give it.
 */
const listOf = <A extends object>(
  part: Schema.Codec<A, unknown>,
  type: string
): Schema.decodeTo<Schema.$Array<Schema.Codec<A, unknown>>, Schema.declare<unknown>> => {
  const parts = Schema.Array(part)
  const isText = (json: unknown): boolean =>
    typeof json === "string" || Wire.isJsonObject(json) && (json["type"] === undefined || json["type"] === "text")
  const toPart = (json: unknown): unknown => {
    if (typeof json === "string") return { type, text: json }
    return isText(json) && Wire.isJsonObject(json) && typeof json["text"] === "string" ? { ...json, type } : json
  }
  const toList = (json: unknown): ReadonlyArray<unknown> => {
    if (Array.isArray(json)) return json.some(isText) ? json.map(toPart) : json
    return typeof json === "string" || Wire.isJsonObject(json) ? [toPart(json)] : []
  }
  const AnyJson = Schema.declare(
    (_: unknown): _ is unknown => true,
    describedAs<unknown>({ parts: () => [parts], describe: ([list = {}]) => list })
  )
  const schema = AnyJson.pipe(
    Schema.decodeTo(
      parts,
      SchemaTransformation.transform<ReadonlyArray<unknown>, unknown>({ decode: toList, encode: (list) => list })
    )
  )
  const read = Codec.reader(parts)
  const lenient = Codec.lenientReader(parts)
  return schema.annotate(
    Codec.ofTransformation(schema, {
      read: (json) => read(toList(json)),
      lenient: (json) => lenient(toList(json)),
      write: Codec.writer(parts)
    })
  )
}

/**
 * The content of a message: its parts. A plain text, as some gateways send it, is one part.
 *
 * @since 0.1.0
 */
export const OutputContent = listOf(OutputPart, "output_text")

/**
 * The content of a reasoning item: its parts. A plain text is one part.
 *
 * @since 0.1.0
 */
export const ReasoningContent = listOf(ReasoningPart, "reasoning_text")

/**
 * The summary of a reasoning item: its parts. A plain text is one part.
 *
 * @since 0.1.0
 */
export const Summary = listOf(SummaryPart, "summary_text")
