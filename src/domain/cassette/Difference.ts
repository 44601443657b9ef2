/**
 * Where two pieces of JSON differ, for people who ask why a request is not the one that was recorded.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"

/**
 * One place where they differ: its path (`input[0].content`, empty for the whole), and what is there on both sides;
 * `undefined` is nothing.
 *
 * @since 0.1.0
 */
export interface Difference {
  readonly path: string
  readonly recorded: Schema.Json | undefined
  readonly asked: Schema.Json | undefined
}

/**
 * All places where two pieces of JSON differ, in the order of the recorded one. The order of members does not count.
 *
 * @since 0.1.0
 */
export const between = (
  recorded: Schema.Json | undefined,
  asked: Schema.Json | undefined,
  path = ""
): ReadonlyArray<Difference> => {
  if (Array.isArray(recorded) && Array.isArray(asked)) {
    return Array.from(
      { length: Math.max(recorded.length, asked.length) },
      (_, index) => between(recorded[index], asked[index], `${path}[${index}]`)
    ).flat()
  }
  if (isRecord(recorded) && isRecord(asked)) {
    return Array.from(
      new Set([...Object.keys(recorded), ...Object.keys(asked)]),
      (key) => between(recorded[key], asked[key], path === "" ? key : `${path}.${key}`)
    ).flat()
  }
  return recorded === asked ? [] : [{ path, recorded, asked }]
}

const isRecord = (json: Schema.Json | undefined): json is Schema.JsonObject => Wire.isJsonObject(json)

/**
 * How far apart two pieces of JSON are: 0 for equal ones, at most 1 for each place where they differ, less for texts that
 * are alike at their ends.
 *
 * @since 0.1.0
 */
export const distance = (differences: ReadonlyArray<Difference>): number =>
  differences.reduce((sum, { asked, recorded }) => sum + apart(recorded, asked), 0)

const apart = (recorded: Schema.Json | undefined, asked: Schema.Json | undefined): number => {
  if (typeof recorded !== "string" || typeof asked !== "string") return 1
  const longest = Math.max(recorded.length, asked.length)
  const start = commonStart(recorded, asked)
  const end = Math.min(commonEnd(recorded, asked), Math.min(recorded.length, asked.length) - start)
  return Math.max(0.01, 1 - (start + end) / longest)
}

const commonStart = (a: string, b: string): number => {
  let length = 0
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++
  return length
}

const commonEnd = (a: string, b: string): number => {
  let length = 0
  while (
    length < a.length && length < b.length &&
    a.charCodeAt(a.length - 1 - length) === b.charCodeAt(b.length - 1 - length)
  ) length++
  return length
}

const maxShown = 10

/**
 * The differences as lines; the first ten of them.
 *
 * @since 0.1.0
 */
export const render = (differences: ReadonlyArray<Difference>): string => {
  const lines = differences.slice(0, maxShown).map(({ asked, path, recorded }) => {
    const from = typeof recorded === "string" && typeof asked === "string" ? commonStart(recorded, asked) : 0
    return `  ${path === "" ? "body" : path}: recorded ${shown(recorded, from)}, asked ${shown(asked, from)}`
  })
  const left = differences.length - lines.length
  return [...lines, ...(left > 0 ? [`  and ${left} more`] : [])].join("\n")
}

const maxText = 80

/** A value in one line; of a long text the part where the difference begins. */
const shown = (json: Schema.Json | undefined, from: number): string => {
  if (json === undefined) return "nothing"
  if (typeof json !== "string") return clipped(JSON.stringify(json))
  const start = json.length <= maxText ? 0 : Math.max(0, from - maxText / 4)
  const part = json.slice(start, start + maxText)
  return `${start > 0 ? "…" : ""}${JSON.stringify(part)}${start + part.length < json.length ? "…" : ""}`
}

const clipped = (text: string): string => text.length <= maxText ? text : `${text.slice(0, maxText)}…`
