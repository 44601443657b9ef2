import { addEqualityTesters } from "@effect/vitest"

// Makes `toEqual` compare Effect's data types (Option, BigDecimal, DateTime) by value.
addEqualityTesters()
