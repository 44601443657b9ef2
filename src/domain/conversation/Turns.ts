/**
 * The turns of a history: what was said to the model, and all that came of it until something else was said.
 *
 * Instructions at the very beginning are before the first turn. A turn never ends between a call and its output, so where an
 * output came late, two turns are one.
 *
 * @since 0.1.0
 */
import * as ItemLink from "./ItemLink.ts"
import type { Item } from "./ItemLink.ts"

/**
 * True for a message to the model: of a user, of another agent, or of who instructs it.
 *
 * @since 0.1.0
 */
export const isSaid = (item: Item): boolean => {
  const type = ItemLink.typeOf(item)
  return type === "agent_message" || type === "message" && !("role" in item && item.role === "assistant")
}

const isInstruction = (item: Item): boolean => {
  const type = ItemLink.typeOf(item)
  return type === "additional_tools" || type === "configuration_update" ||
    type === "message" && "role" in item && (item.role === "system" || item.role === "developer")
}

/**
 * Where the turns begin, by the index of their first item. What is before the first of them are instructions.
 *
 * @since 0.1.0
 */
export const starts = (items: ReadonlyArray<Item>): ReadonlyArray<number> => {
  const first = items.findIndex((item) => !isInstruction(item))
  if (first === -1) return []
  const earliest = earliestReferences(items)
  return items.flatMap((item, index) => {
    if (index <= first) return index === first ? [index] : []
    const former = items[index - 1]
    const isStart = isSaid(item) && former !== undefined && !isSaid(former) && !isInstruction(former)
    return isStart && (earliest[index] ?? index) >= index ? [index] : []
  })
}

/** For each index the first item that it, or an item behind it, refers to. */
const earliestReferences = (items: ReadonlyArray<Item>): ReadonlyArray<number> => {
  const places = new Map<string, number>()
  const references = items.map((item, index) => {
    for (const name of ItemLink.namesOf(item)) if (!places.has(name)) places.set(name, index)
    return Math.min(index, ...ItemLink.refersTo(item).map((name) => places.get(name) ?? index))
  })
  let earliest = items.length
  return references.toReversed().map((reference) => {
    earliest = Math.min(earliest, reference)
    return earliest
  }).toReversed()
}
