import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { createHash } from "node:crypto"
import * as Sha256 from "../../../src/domain/wire/Sha256.ts"

const expected = (text: string) => createHash("sha256").update(text, "utf8").digest("hex")

describe("SHA-256", () => {
  it.each([0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 5000])("of %i characters", (length) => {
    const text = "aé🏰 ".repeat(length).slice(0, length)
    assert.strictEqual(Sha256.hex(text), expected(text))
  })

  it.prop("of any text", { text: Schema.String }, ({ text }) => {
    assert.strictEqual(Sha256.hex(text), expected(text))
  })
})
