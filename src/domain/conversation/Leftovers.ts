/**
 * What of a history cannot be sent back: items that were not finished, outputs of calls that are not there, and calls that
 * nobody answered before the conversation went on. The API refuses a history with any of them.
 *
 * @since 0.1.0
 */
import type { OutputItem } from "../response/OutputItem.ts"
import * as Wire from "../wire/Wire.ts"
import * as ItemLink from "./ItemLink.ts"
import type { Item } from "./ItemLink.ts"
import * as Turns from "./Turns.ts"

/** What an item says of itself that was still being made. */
const unfinished = new Set(["in_progress", "queued", "searching", "generating", "interpreting", "calling"])

/** True for what was cut off: an item that is still in progress, or a call whose arguments are not whole. */
const isUnfinished = (item: Item): boolean => {
  const status = ItemLink.statusOf(item) ?? ""
  return unfinished.has(status) || status === "incomplete" && ItemLink.awaitsAnswer(item)
}

/**
 * The items of an answer as they are sent back: without those that were not finished, and each once.
 *
 * @since 0.1.0
 */
export const finished = (items: ReadonlyArray<Item>): ReadonlyArray<Item> =>
  once(withoutReasoningOf(items, isUnfinished)).map(sendable)

/**
 * A history without outputs of calls that are not there, and without calls that nobody answered before somebody said something
 * else.
 *
 * @since 0.1.0
 */
export const linked = (items: ReadonlyArray<Item>): ReadonlyArray<Item> => {
  const names = new Set<string>()
  const answered = new Set<string>()
  const known = items.filter((item) => {
    for (const name of ItemLink.namesOf(item)) names.add(name)
    const name = ItemLink.answeredBy(item)
    if (name === undefined) return true
    if (!names.has(name) || answered.has(name)) return false
    answered.add(name)
    return true
  })
  const lastSaid = known.findLastIndex(Turns.isSaid)
  const isOpen = (item: Item): boolean =>
    ItemLink.awaitsAnswer(item) && !ItemLink.namesOf(item).some((name) => answered.has(name))
  const openBefore = known.slice(0, Math.max(0, lastSaid)).filter(isOpen)
  if (openBefore.length === 0) return known.length === items.length ? items : known
  const givenUp = new Set(openBefore)
  return withoutReasoningOf(known, (item) => givenUp.has(item))
}

/**
 * The calls that wait for an answer.
 *
 * @since 0.1.0
 */
export const open = (items: ReadonlyArray<Item>): ReadonlyArray<Item> => {
  const answered = new Set(items.map(ItemLink.answeredBy))
  return items.filter((item) =>
    ItemLink.awaitsAnswer(item) && !ItemLink.namesOf(item).some((name) => answered.has(name))
  )
}

/** Leaves items out, with the reasoning right before them: providers take no reasoning without what it led to. */
const withoutReasoningOf = (items: ReadonlyArray<Item>, isOut: (item: Item) => boolean): ReadonlyArray<Item> => {
  const kept: Array<Item> = []
  let isFollowed = true
  for (const item of items.toReversed()) {
    if (isOut(item)) isFollowed = false
    else if (isFollowed || ItemLink.typeOf(item) !== "reasoning") {
      isFollowed = true
      kept.push(item)
    }
  }
  return kept.length === items.length ? items : kept.toReversed()
}

/** An item that came twice under one id counts once: the longest of them, at the place of the first. */
const once = (items: ReadonlyArray<Item>): ReadonlyArray<Item> => {
  const places = new Map<string, number>()
  const kept: Array<Item> = []
  for (const item of items) {
    const id = ItemLink.namesOf(item)[0] ?? ItemLink.idOf(item)
    const key = `${ItemLink.typeOf(item)} ${id}`
    const place = id === undefined ? undefined : places.get(key)
    const former = place === undefined ? undefined : kept[place]
    if (place === undefined || former === undefined) {
      places.set(key, kept.length)
      kept.push(item)
    } else if (lengthOf(item) > lengthOf(former)) kept[place] = item
  }
  return kept.length === items.length ? items : kept
}

const lengthOf = (item: Item): number => JSON.stringify(Wire.raw(item) ?? item).length

/**
 * An answer's message goes back as it came. One without an id is taken back as plain text only.
 */
const sendable = (item: Item): Item => {
  if (!isAnswer(item) || item.id !== undefined) return item
  const content = item.content.map((part) =>
    part.type === "output_text" ? part.text : part.type === "refusal" ? part.refusal : ""
  ).join("")
  return { role: "assistant", content, ...Wire.compact({ phase: item.phase }) }
}

type Answer = Extract<OutputItem, { readonly type: "message" }>

const isAnswer = (item: Item): item is Answer =>
  item.type === "message" && item.role === "assistant" && Array.isArray(item.content)
