/**
 * The items that the end of a stream lists, completed from those that were streamed.
 *
 * The list is the last word, but some gateways leave out items that were finished, or their texts. An item is found in the
 * list by its id, else by what it says, else by its place, because some servers give an item another id at the end.
 *
 * @since 0.1.0
 */
import type { OutputItem } from "../response/OutputItem.ts"
import * as StreamedItem from "./StreamedItem.ts"

/**
 * An item as it was streamed.
 *
 * @since 0.1.0
 */
export interface Streamed {
  readonly item: OutputItem
  /** The `output_index` of its events. */
  readonly index: number | undefined
  /** False if it may have been cut off. */
  readonly isWhole: boolean
}

/**
 * The list with what it lacks; the same list if it lacks nothing. An empty one is replaced by all that was streamed.
 *
 * @since 0.1.0
 */
export const completed = (
  listed: ReadonlyArray<OutputItem>,
  streamed: ReadonlyArray<Streamed>
): ReadonlyArray<OutputItem> => {
  if (streamed.length === 0) return listed
  if (listed.length === 0) return streamed.map(({ item }) => item)
  const found = find(listed, streamed)
  const texts = listed.map((item) => contentOf(item)).join("")
  /** What is put in behind an item of the list, by its place; -1 is the beginning. */
  const missing = new Map<number, ReadonlyArray<OutputItem>>()
  const filled = new Map<number, OutputItem>()
  let last = -1
  for (const [at, { isWhole, item }] of streamed.entries()) {
    const place = found.get(at)
    const own = place === undefined ? undefined : listed[place]
    if (place !== undefined && own !== undefined) {
      last = Math.max(last, place)
      const whole = StreamedItem.lacksText(own) ? StreamedItem.withTexts(own, item) : own
      if (whole !== own) filled.set(place, whole)
    } else if (isLost(item, isWhole, texts)) missing.set(last, [...missing.get(last) ?? [], item])
  }
  if (missing.size === 0 && filled.size === 0) return listed
  const all = listed.flatMap((item, at) => [filled.get(at) ?? item, ...missing.get(at) ?? []])
  return [...missing.get(-1) ?? [], ...all]
}

/** A call that was cut off is not handed out; a text is not told twice. */
const isLost = (item: OutputItem, isWhole: boolean, texts: string): boolean =>
  item.type === "message" ? !texts.includes(contentOf(item)) : isWhole

/** The places in the list of what was streamed, both by number. */
const find = (
  listed: ReadonlyArray<OutputItem>,
  streamed: ReadonlyArray<Streamed>
): ReadonlyMap<number, number> => {
  const found = new Map<number, number>()
  const taken = new Set<number>()
  const take = (at: number, place: number): void => {
    found.set(at, place)
    taken.add(place)
  }
  const isFree = (place: number): boolean => !taken.has(place)
  const keys = new Map(listed.map((item, place) => [keyOf(item) ?? place, place]))
  for (const [at, { item }] of streamed.entries()) {
    const place = keys.get(keyOf(item) ?? -1)
    if (place !== undefined && isFree(place)) take(at, place)
  }
  if (found.size === streamed.length) return found
  const ways: ReadonlyArray<(own: OutputItem, one: Streamed, place: number) => boolean> = [
    (own, { item }) => contentOf(item) !== "" && contentOf(own) === contentOf(item),
    (_, { index }, place) => place === index,
    (own, { item }) => contentOf(own) === "" || contentOf(item) === ""
  ]
  for (const isSame of ways) {
    for (const [at, one] of streamed.entries()) {
      if (found.has(at)) continue
      const place = listed.findIndex((own, place) => isFree(place) && mayBe(own, one.item) && isSame(own, one, place))
      if (place !== -1) take(at, place)
    }
  }
  return found
}

const keyOf = (item: OutputItem): string | undefined => {
  const id = callIdOf(item) ?? ("id" in item ? item.id : undefined) ?? ""
  return id === "" ? undefined : `${item.type} ${id}`
}

const callIdOf = (item: OutputItem): string | undefined =>
  "callId" in item && item.callId !== "" ? item.callId : undefined

/** Other ids may be given to an item, but not to a call, whose answer names it. */
const mayBe = (a: OutputItem, b: OutputItem): boolean => {
  if (a.type === "unknown" || b.type === "unknown") {
    return a.type === "unknown" && b.type === "unknown" && a.wireType === b.wireType
  }
  const [one, other] = [callIdOf(a), callIdOf(b)]
  return a.type === b.type && (one === undefined || other === undefined || one === other)
}

/** What tells items of a type apart besides their ids; empty where nothing does. */
const contentOf = (item: OutputItem): string => {
  switch (item.type) {
    case "message":
      return item.content.map((part) =>
        part.type === "output_text" ? part.text : part.type === "refusal" ? part.refusal : ""
      ).join("")
    case "function_call":
      return `${item.name} ${item.arguments}`
    case "custom_tool_call":
      return `${item.name} ${item.input}`
    default:
      return ""
  }
}
