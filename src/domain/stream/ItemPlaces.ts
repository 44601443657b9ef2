/**
 * Which item of the answer an event belongs to.
 *
 * Normally `output_index` says it, and ids do not count, because some servers give every event another one. But gateways
 * also leave the index out, or give all items the same; then ids that do not rotate tell items apart, and where there is no
 * id either, what kind of item the event speaks of, and which one is still open. Text that was paid for is rather kept as
 * one item too many than lost.
 *
 * @since 0.1.0
 */
import type { OutputItem } from "../response/OutputItem.ts"
import * as Wire from "../wire/Wire.ts"
import type { StreamEvent } from "./StreamEvent.ts"

/** As many ids as are remembered of an item. */
const maxIds = 4

/**
 * The place of one item. Places are made by {@link ItemPlaces}, and compared by identity.
 *
 * @since 0.1.0
 */
export class Place {
  /** The place in the response, as far as it is known; equal ones stand in the order in which they began. */
  readonly order: number
  /** As in the events; absent if they had none. */
  readonly index: number | undefined
  /** The wire type of the item. */
  type: string | undefined
  /** It has been announced. */
  isBegun = false
  /** It has been told as a whole. */
  isDone = false
  readonly #ids: Array<string> = []
  #agreed = 0

  constructor(order: number, index: number | undefined) {
    this.order = order
    this.index = index
  }

  /** The id with which it was announced or told. */
  itemId: string | undefined

  /** True if an event had this id. */
  has(id: string): boolean {
    return this.#ids.includes(id)
  }

  /** True if its events had several ids, so that none tells it. */
  get rotates(): boolean {
    return this.#ids.length > 1
  }

  /** True if several of its events had an id, and all the same. */
  get isSteady(): boolean {
    return this.#agreed > 0 && !this.rotates
  }

  /** Takes note of the id of one of its events. */
  sees(id: string | undefined): void {
    if (id === undefined) return
    if (this.has(id)) this.#agreed++
    else if (this.#ids.length < maxIds) this.#ids.push(id)
  }
}

type Kind = "added" | "done" | "piece"

/**
 * The places of the items of one stream. Mutable, like the stream.
 *
 * @since 0.1.0
 */
export class ItemPlaces {
  readonly #all: Array<Place> = []
  readonly #byIndex = new Map<number, Array<Place>>()
  /** Where the last piece belonged: the next one mostly does as well. */
  #last: Place | undefined
  #lastId: string | undefined

  /** The places in the order of the response. */
  get inOrder(): ReadonlyArray<Place> {
    return this.#all.toSorted((a, b) => a.order - b.order)
  }

  /** The place of the item that a piece belongs to; `type` says what kind of item has such pieces. */
  ofPiece(event: PieceEvent, type: string | undefined): Place {
    const { itemId, outputIndex } = event
    const last = this.#last
    if (last !== undefined && last.index === outputIndex && itemId === this.#lastId) {
      if (type === undefined || last.type === type) return last
    }
    const place = this.#find("piece", indexOf(outputIndex), idOf(itemId), type)
    place.type ??= type
    this.#last = place
    this.#lastId = itemId
    return place
  }

  /** The place of the item that begins. */
  ofAdded(event: ItemEvent): Place {
    const place = this.#ofItem("added", event)
    place.isBegun = true
    return place
  }

  /** The place of the item that is told as a whole. */
  ofDone(event: ItemEvent): Place {
    const place = this.#ofItem("done", event)
    place.isDone = true
    return place
  }

  #ofItem(kind: "added" | "done", { item, outputIndex }: ItemEvent): Place {
    const type = typeOf(item)
    const id = idOfItem(item)
    const place = this.#find(kind, indexOf(outputIndex), id, type)
    place.type = type
    place.itemId = id ?? place.itemId
    this.#last = undefined
    return place
  }

  #find(kind: Kind, index: number | undefined, id: string | undefined, type: string | undefined): Place {
    const candidates = index === undefined ? this.#all : this.#byIndex.get(index) ?? []
    const isOfType = (place: Place) => type === undefined || place.type === undefined || place.type === type
    const known = kind === "piece"
      ? placeOfPiece(candidates, index, id, isOfType)
      : placeOfItem(candidates, index, kind, id, isOfType)
    const place = known ?? this.#open(index)
    place.sees(id)
    return place
  }

  #open(index: number | undefined): Place {
    const place = new Place(index ?? this.#all.at(-1)?.order ?? 0, index)
    this.#all.push(place)
    if (index === undefined) return place
    const same = this.#byIndex.get(index)
    if (same === undefined) this.#byIndex.set(index, [place])
    else same.push(place)
    return place
  }
}

type OfType = (place: Place) => boolean

/** The place that an item had before, if any: the one with its id, or one that is still to be announced or finished. */
const placeOfItem = (
  candidates: ReadonlyArray<Place>,
  index: number | undefined,
  kind: "added" | "done",
  id: string | undefined,
  isOfType: OfType
): Place | undefined => {
  const same = id === undefined ? undefined : candidates.findLast((place) => place.itemId === id && isOfType(place))
  if (same !== undefined) return same
  const isOpen = (place: Place) => !place.isDone && isOfType(place) && (kind === "done" || !place.isBegun)
  const open = candidates.findLast((place) => isOpen(place) && id !== undefined && place.has(id)) ??
    candidates.findLast(isOpen)
  if (open !== undefined) return open
  const last = candidates.at(-1)
  if (last === undefined || !isOfType(last)) return undefined
  // Said again, by a server that has no ids, or another one in every event.
  const isRepeated = kind === "added" ? id === undefined && !last.isDone : index !== undefined && last.rotates
  return isRepeated ? last : undefined
}

/** The place of the item that a piece belongs to, if there is one. */
const placeOfPiece = (
  candidates: ReadonlyArray<Place>,
  index: number | undefined,
  id: string | undefined,
  isOfType: OfType
): Place | undefined => {
  const sameId = id === undefined ? [] : candidates.filter((place) => place.has(id))
  const same = sameId.findLast(isOfType) ?? sameId.at(-1)
  if (same !== undefined) return same
  if (index === undefined) {
    const open = candidates.findLast((place) => !place.isDone && isOfType(place))
    return open === undefined || id !== undefined && open.isSteady ? undefined : open
  }
  const last = candidates.at(-1)
  if (last === undefined) return undefined
  const isOther = id !== undefined && last.isSteady
  if (last.isDone) return isOther || id === undefined && !isOfType(last) ? undefined : last
  const isForeign = last.isBegun && !isOfType(last) && inPieces.has(last.type ?? "")
  return isForeign && (id === undefined || isOther) ? undefined : last
}

const indexOf = (outputIndex: number): number | undefined => outputIndex < 0 ? undefined : outputIndex

/** The types of items that come in pieces of their own kind. */
const inPieces: ReadonlySet<string> = new Set([
  "message",
  "reasoning",
  "function_call",
  "custom_tool_call",
  "code_interpreter_call",
  "apply_patch_call"
])

/** A gateway that has no id may send an empty one. */
const idOf = (id: string | undefined): string | undefined => id === "" ? undefined : id

const idOfItem = (item: OutputItem): string | undefined => {
  if (item.type === "unknown") {
    const id = Wire.isJsonObject(item.raw) ? item.raw["id"] : undefined
    return typeof id === "string" ? idOf(id) : undefined
  }
  return ("id" in item ? idOf(item.id) : undefined) ?? ("callId" in item ? idOf(item.callId) : undefined)
}

const typeOf = (item: OutputItem): string => item.type === "unknown" ? item.wireType : item.type

/** An event of a piece of an item. */
interface PieceEvent {
  readonly outputIndex: number
  readonly itemId?: string
}

/** An event that has an item. */
type ItemEvent = Extract<StreamEvent, { readonly item: OutputItem }>
