/**
 * The parts of an input message: text, images, files, audio and video. {@link image} and the others make them.
 *
 * @since 0.1.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as Schema from "effect/Schema"
import { OutputText, OutputTextByHand, Refusal } from "../response/ContentPart.ts"
import * as Wire from "../wire/Wire.ts"
import { Base64Data, dataUrl, MediaLink } from "./MediaLink.ts"

const optional = Schema.optional

/**
 * Marks the end of a prefix that the provider shall cache, on providers with explicit prompt caching.
 *
 * @since 0.1.0
 */
export const PromptCacheBreakpoint = Wire.LazyStruct(() => ({ mode: Schema.Literal("explicit") }))

/**
 * @since 0.1.0
 */
export interface PromptCacheBreakpoint extends Schema.Schema.Type<typeof PromptCacheBreakpoint> {}

/**
 * Text.
 *
 * @since 0.1.0
 */
export const InputText = Wire.LazyStruct(() => ({
  type: Schema.tag("input_text"),
  text: Schema.String,
  promptCacheBreakpoint: optional(PromptCacheBreakpoint)
}))

/**
 * @since 0.1.0
 */
export interface InputText extends Schema.Schema.Type<typeof InputText> {}

/**
 * An image by URL, data URL or file id. Other clients' requests may lack its `detail`, which then is `auto`.
 *
 * @since 0.1.0
 */
export const InputImage = Wire.LazyStruct(() => ({
  type: Schema.tag("input_image"),
  detail: Wire.withDefault(Wire.OpenLiterals(["auto", "low", "high", "original"]), "auto"),
  imageUrl: optional(Schema.String),
  fileId: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface InputImage extends Schema.Schema.Type<typeof InputImage> {}

/**
 * A document by URL, data URL or file id.
 *
 * @since 0.1.0
 */
export const InputFile = Wire.LazyStruct(() => ({
  type: Schema.tag("input_file"),
  filename: optional(Schema.String),
  fileData: optional(Schema.String),
  fileUrl: optional(Schema.String),
  fileId: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface InputFile extends Schema.Schema.Type<typeof InputFile> {}

/**
 * A sound. `data` is base64.
 *
 * @since 0.1.0
 */
export const InputAudio = Wire.LazyStruct(() => ({
  type: Schema.tag("input_audio"),
  inputAudio: Wire.Struct({ data: Schema.String, format: Wire.OpenLiterals(["mp3", "wav"]) })
}))

/**
 * @since 0.1.0
 */
export interface InputAudio extends Schema.Schema.Type<typeof InputAudio> {}

/**
 * A video by URL or data URL.
 *
 * @since 0.1.0
 */
export const InputVideo = Wire.LazyStruct(() => ({
  type: Schema.tag("input_video"),
  videoUrl: Schema.String,
  /** `static` samples frames at a fixed rate; Google's Gemini. */
  processing: optional(Wire.OpenLiterals(["static", "agentic"]))
}))

/**
 * @since 0.1.0
 */
export interface InputVideo extends Schema.Schema.Type<typeof InputVideo> {}

const ImageLink = MediaLink("Input.imageBytes")

const FileLink = MediaLink("Input.fileBytes")

/** An image by hand: one that a server can get. */
const InputImageByHand = Schema.suspend(() =>
  InputImage.with(() => ({ imageUrl: optional(ImageLink) })).check(Schema.makeFilter(
    ({ fileId, imageUrl }) => fileId === undefined && imageUrl === undefined ? "needs imageUrl or fileId" : undefined,
    { expected: "an image" }
  ))
)

/** A document by hand: one that a server can get. */
const InputFileByHand = Schema.suspend(() =>
  InputFile.with(() => ({ fileData: optional(FileLink), fileUrl: optional(FileLink) })).check(Schema.makeFilter(
    ({ fileData, fileId, fileUrl }) =>
      fileData === undefined && fileId === undefined && fileUrl === undefined
        ? "needs fileUrl, fileData or fileId"
        : undefined,
    { expected: "a document" }
  ))
)

/**
 * Images and documents that are made by hand, for unions of parts.
 *
 * @since 0.1.0
 */
export const mediaByHand = { input_image: InputImageByHand, input_file: InputFileByHand }

const inputParts = {
  input_text: InputText,
  input_image: InputImage,
  input_file: InputFile,
  input_audio: InputAudio,
  input_video: InputVideo,
  output_text: OutputText,
  refusal: Refusal
}

/**
 * One part of an input message. `output_text` and `refusal` are parts of the model's messages in the history.
 *
 * @since 0.1.0
 */
export const InputPart: Wire.OpenUnion<typeof inputParts> = Wire.OpenUnion(inputParts, {
  identifier: "InputPart",
  byHand: {
    output_text: OutputTextByHand,
    ...mediaByHand,
    input_audio: InputAudio.with(() => ({
      inputAudio: Wire.Struct({ data: Base64Data, format: Wire.OpenLiterals(["mp3", "wav"]) })
    })),
    input_video: InputVideo.with(() => ({ videoUrl: MediaLink("Input.videoBytes") }))
  }
})

/**
 * @since 0.1.0
 */
export type InputPart = typeof InputPart.Type

const resultParts = { input_text: InputText, input_image: InputImage, input_file: InputFile }

/**
 * One part of the result of a call.
 *
 * @since 0.1.0
 */
export const ResultPart: Wire.OpenUnion<typeof resultParts> = Wire.OpenUnion(resultParts, {
  identifier: "ResultPart",
  byHand: mediaByHand
})

/**
 * @since 0.1.0
 */
export type ResultPart = typeof ResultPart.Type

/**
 * A text part.
 *
 * @since 0.1.0
 */
export const text = (text: string): InputText => ({ type: "input_text", text })

/**
 * An image part from a URL or a data URL; for bytes there is {@link imageBytes}. `detail` is `auto` by default.
 *
 * A path, or base64 without its `data:`, is `InvalidRequest` when the request is sent, which names the part.
 *
 * @since 0.1.0
 */
export const image = (url: string, options?: { readonly detail?: InputImage["detail"] }): InputImage => ({
  type: "input_image",
  detail: options?.detail ?? "auto",
  imageUrl: url
})

/**
 * An image part from the bytes of an image. `mediaType` is its kind, such as `image/png`.
 *
 * **Example** (An image of your own)
 *
 * ```ts
 * import { Effect, FileSystem } from "effect"
 * import { Input } from "effect-openrouter"
 *
 * const question = Effect.gen(function*() {
 *   const files = yield* FileSystem.FileSystem
 *   const bytes = yield* files.readFile("town.png")
 *   return Input.user([Input.text("Where is this?"), Input.imageBytes(bytes, "image/png")])
 * })
 * ```
 *
 * @since 0.1.0
 */
export const imageBytes = (
  bytes: Uint8Array,
  mediaType: string,
  options?: { readonly detail?: InputImage["detail"] }
): InputImage => image(dataUrl(bytes, mediaType), options)

/**
 * A document part from a URL, or from a data URL (which starts with `data:`); for bytes there is {@link fileBytes}. Name it
 * for the model with `filename`.
 *
 * A path, or base64 without its `data:`, is `InvalidRequest` when the request is sent, which names the part.
 *
 * @since 0.1.0
 */
export const file = (url: string, options?: { readonly filename?: string }): InputFile => ({
  type: "input_file",
  ...(/^data:/i.test(url) ? { fileData: url } : { fileUrl: url }),
  ...Wire.compact({ filename: options?.filename })
})

/**
 * A document part from the bytes of a document. `mediaType` is its kind, such as `application/pdf`.
 *
 * @since 0.1.0
 */
export const fileBytes = (
  bytes: Uint8Array,
  mediaType: string,
  options?: { readonly filename?: string }
): InputFile => file(dataUrl(bytes, mediaType), options)

/**
 * A sound part from base64 data; for bytes there is {@link audioBytes}. `format` is `mp3` or `wav`.
 *
 * @since 0.1.0
 */
export const audio = (data: string, format: InputAudio["inputAudio"]["format"]): InputAudio => ({
  type: "input_audio",
  inputAudio: { data, format }
})

/**
 * A sound part from the bytes of a recording. `format` is `mp3` or `wav`.
 *
 * @since 0.1.0
 */
export const audioBytes = (bytes: Uint8Array, format: InputAudio["inputAudio"]["format"]): InputAudio =>
  audio(Base64.encode(bytes), format)

/**
 * A video part from a URL or a data URL; for bytes there is {@link videoBytes}.
 *
 * @since 0.1.0
 */
export const video = (url: string): InputVideo => ({ type: "input_video", videoUrl: url })

/**
 * A video part from the bytes of a video. `mediaType` is its kind, such as `video/mp4`.
 *
 * @since 0.1.0
 */
export const videoBytes = (bytes: Uint8Array, mediaType: string): InputVideo => video(dataUrl(bytes, mediaType))
