/**
 * The fields that the events of a stream have in common.
 *
 * Strict is only what places an event in the answer: `output_index` and the text itself. Ids rotate within one stream and
 * sequence numbers may be missing or have gaps, so nothing is computed from either.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

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
 * What every event of an output item has.
 *
 * @since 0.1.0
 */
export const item = {
  ...base,
  /** Not a key: the same item may have another id in every event. */
  itemId: optional(Schema.String),
  /** The place of the item in `response.output`. */
  outputIndex: Schema.Finite
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
