/**
 * The fields that the events of a stream have in common.
 *
 * Strict is only the text of a delta. Some gateways leave out `output_index` or give several items the same one, ids rotate
 * within one stream, sequence numbers may be missing or have gaps: which item an event belongs to is decided by all that is
 * there, see `ItemPlaces`. The text of a `done` event may be absent: the deltas have it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"

const optional = Schema.optionalKey

/**
 * What every event may have.
 *
 * @since 0.1.0
 */
export const base = {
  /** Counts up within one stream. Some servers leave it out. */
  sequenceNumber: optional(Schema.Finite)
}

/**
 * Where the item of an event stands.
 *
 * @since 0.1.0
 */
export const outputIndex = {
  /** The place of the item in `response.output`; -1 if the gateway left it out. */
  outputIndex: Wire.promised(Schema.Finite, -1)
}

/**
 * What every event of an output item has.
 *
 * @since 0.1.0
 */
export const item = {
  ...base,
  /** Not a key: the same item may have another id in every event. */
  itemId: optional(Schema.String),
  ...outputIndex
}

/**
 * What every event of a content part has.
 *
 * @since 0.1.0
 */
export const part = {
  ...item,
  /** The place of the part in `content` of its item. Absent is the first. */
  contentIndex: optional(Schema.Finite)
}

/**
 * What every event of a part of a reasoning summary has.
 *
 * @since 0.1.0
 */
export const summary = {
  ...item,
  /** The place of the part in `summary` of its item. Absent is the first. */
  summaryIndex: optional(Schema.Finite)
}
