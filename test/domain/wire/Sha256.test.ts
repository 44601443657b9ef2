import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { createHash, createHmac } from "node:crypto"
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

describe("HMAC-SHA-256", () => {
  const expected = (key: string, text: string) => createHmac("sha256", key).update(text, "utf8").digest("hex")

  it.each([0, 1, 63, 64, 65, 200])("with a key of %i characters", (length) => {
    const key = "é🏰 k".repeat(length).slice(0, length)
    assert.strictEqual(Sha256.hmac(key, "what do ya want for nothing?"), expected(key, "what do ya want for nothing?"))
  })

  it.prop("of any text with any key", { key: Schema.String, text: Schema.String }, ({ key, text }) => {
    assert.strictEqual(Sha256.hmac(key, text), expected(key, text))
  })

  it("compares digests as a whole", () => {
    assert.isTrue(Sha256.isEqual("abc", "abc"))
    for (const [a, b] of [["abc", "abd"], ["abc", "ab"], ["ab", "abc"], ["", "a"]] as const) {
      assert.isFalse(Sha256.isEqual(a, b))
    }
  })
})
