import * as Equal from "effect/Equal"
import { expect } from "vitest"

// `toEqual` compares what has an equality of its own (Option, BigDecimal, DateTime, Redacted) by that, not by its fields: a
// Redacted has none, and equal decimals have different ones. (`addEqualityTesters` of @effect/vitest 4.0.5 adds nothing.)
expect.addEqualityTesters([(a, b) => Equal.isEqual(a) && Equal.isEqual(b) ? Equal.equals(a, b) : undefined])
