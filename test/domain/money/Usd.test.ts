import { assert, describe, it } from "@effect/vitest"
import {
  Array,
  BigDecimal,
  Effect,
  Equal,
  Equivalence,
  Formatter,
  Hash,
  HashSet,
  Option,
  pipe,
  Result,
  Schema,
  Struct
} from "effect"
import { CostLedger, Costs, OpenRouter, OpenRouterError, Usage, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { inspect } from "node:util"
import * as Codec from "../../../src/domain/wire/Codec.ts"

const { make } = Usd

const seeded = (seed: number) => ({ arbitrary: { runs: 300, seed } })

const amounts = { a: Usd.Usd, b: Usd.Usd, c: Usd.Usd }

const Json = Schema.fromJsonString(Schema.toCodecJson(Usd.Usd))

const decode = Schema.decodeUnknownSync

describe("an amount", () => {
  const texts: ReadonlyArray<readonly [number: number, text: string, money: string]> = [
    [0, "0", "$0.00"],
    [-0, "0", "$0.00"],
    [1, "1", "$1.00"],
    [0.5, "0.5", "$0.50"],
    [-0.05, "-0.05", "-$0.05"],
    [1e-7, "0.0000001", "$0.0000001"],
    [5.8e-6, "0.0000058", "$0.0000058"],
    [2.85e-5, "0.0000285", "$0.0000285"],
    [1e21, "1000000000000000000000", "$1000000000000000000000.00"],
    [123456.789, "123456.789", "$123456.789"],
    [5e-324, `0.${"0".repeat(323)}5`, `$0.${"0".repeat(323)}5`],
    [Number.MAX_VALUE, `17976931348623157${"0".repeat(292)}`, `$17976931348623157${"0".repeat(292)}.00`]
  ]

  it.each(texts)("%s is %s and %s", (number, text, money) => {
    const amount = Usd.fromNumber(number)
    assert.strictEqual(Usd.toText(amount), text)
    assert.strictEqual(Usd.format(amount), money)
    assert.strictEqual(Usd.toNumber(amount), number + 0)
    assert.deepStrictEqual([make(text), make(money)], [amount, amount])
  })

  it("is made of text as people write it", () => {
    const spellings = [
      ["0.50", "0.5"],
      ["$0.50", "0.5"],
      [" 0.50 ", "0.5"],
      ["-1", "-1"],
      ["-$1.25", "-1.25"],
      ["+2", "2"],
      ["007", "7"],
      [".5", "0.5"],
      ["-.5", "-0.5"],
      ["5.", "5"],
      ["1e-7", "0.0000001"],
      ["1.5E+3", "1500"],
      ["-0.00", "0"]
    ] as const
    for (const [text, read] of spellings) {
      assert.strictEqual(Usd.toText(make(text)), read)
      assert.deepStrictEqual(Option.map(Usd.fromString(text), Usd.toText), Option.some(read))
    }
    const amount = make("0.50")
    assert.strictEqual(make(amount), amount)
  })

  it("is made of nothing else", () => {
    const others = ["", " ", "abc", "1,5", "1,000.00", "€1", "$", "$$1", "$-1", "1$", "NaN", "Infinity", "1 2", "0x10"]
    for (const text of [...others, ".", "-", "e5", "1e", "1e1000", "1e999999999", "--1", "1.2.3", "１"]) {
      assert.isTrue(Option.isNone(Usd.fromString(text)), text)
      assert.throws(() => make(text), RangeError, JSON.stringify(text))
    }
    for (const number of [NaN, Infinity, -Infinity]) assert.throws(() => Usd.fromNumber(number), RangeError)
  })

  it("is normalised however it is made", () => {
    const five = BigDecimal.make(5n, 1)
    for (
      const amount of [
        make("0.500"),
        Usd.fromNumber(0.5),
        Usd.fromDecimal(BigDecimal.make(5000n, 4)),
        Usd.sum(make("0.25"), make("0.25")),
        Usd.subtract(make("1.25"), make("0.75")),
        Usd.multiply(make("0.25"), 2),
        decode(Usd.FromString)("0.50"),
        decode(Json)(`"0.50"`)
      ]
    ) {
      assert.deepStrictEqual([amount.value, amount.scale], [5n, 1])
      assert.deepStrictEqual(amount, make("0.5"))
      assert.isTrue(Equal.equals(Usd.toDecimal(amount), five))
    }
    assert.deepStrictEqual(Usd.toDecimal(make("1000")), BigDecimal.make(1n, -3))
    assert.deepStrictEqual(Usd.subtract(make("0.5"), make("0.50")), Usd.zero)
    assert.deepStrictEqual(make("0.000"), Usd.zero)
    assert.deepStrictEqual(Usd.fromDecimal(BigDecimal.make(1n, -0)), make("1"))
    assert.notDeepEqual(make("1"), make("2"))
    assert.notDeepEqual(make("1"), make("10"))
  })

  it("is a value for Equal, Hash and collections", () => {
    assert.isTrue(Equal.equals(make("0.5"), make("0.50")))
    assert.isFalse(Equal.equals(make("0.5"), make("5")))
    assert.isFalse(Equal.equals(make("0.5"), Usd.toDecimal(make("0.5"))))
    assert.strictEqual(Hash.hash(make("0.5")), Hash.hash(make("0.50")))
    assert.isTrue(HashSet.has(HashSet.make(make("0.5")), make("0.50")))
    assert.isTrue(Equal.equals({ cost: make("1") }, { cost: make("1.0") }))
    assert.isTrue(Schema.toEquivalence(Usd.Usd)(make("0.5"), make("0.50")))
  })

  it("is no decimal, no number and no text", () => {
    assert.isTrue(Usd.isUsd(Usd.zero))
    for (const other of [0, "0.5", "$0.50", null, undefined, {}, BigDecimal.make(5n, 1), { value: 5n, scale: 1 }]) {
      assert.isFalse(Usd.isUsd(other))
      assert.isFalse(Schema.is(Usd.Usd)(other))
    }
    assert.isTrue(Schema.is(Usd.Usd)(Usd.zero))
    assert.throws(() => make("10") < make("9"), TypeError, "Usd.isLessThan")
    assert.throws(() => Number(make("10")), TypeError, "Usd.toNumber")
  })

  it("has typed inputs", () => {
    const inputs: ReadonlyArray<Usd.Input> = ["0.50", "$0.50", make("0.50"), String(0.5)]
    assert.strictEqual(new Set(inputs.map((input) => String(make(input)))).size, 1)
    // @ts-expect-error -- a number is named as such: fromNumber
    assert.throws(() => make(0.5))
    // @ts-expect-error -- a decimal is named as such: fromDecimal
    assert.throws(() => make(BigDecimal.make(5n, 1)))
    // @ts-expect-error -- an amount is no decimal
    const decimal: BigDecimal.BigDecimal = make("1")
    // @ts-expect-error -- and what looks like one is no amount
    const amount: Usd.Usd = { value: 1n, scale: 0 }
    assert.isDefined([decimal, amount])
  })
})

describe("its text", () => {
  it("rounds to as many decimals as are asked for, half away from zero, and says no more", () => {
    const rows = [
      ["0.0000285", 2, "$0.00"],
      ["0.999", 2, "$1.00"],
      ["99.995", 2, "$100.00"],
      ["0.994", 2, "$0.99"],
      ["0.005", 2, "$0.01"],
      ["0.015", 2, "$0.02"],
      ["0.0049999", 2, "$0.00"],
      ["-0.005", 2, "-$0.01"],
      ["-0.004", 2, "$0.00"],
      ["-0.999", 2, "-$1.00"],
      ["0", 2, "$0.00"],
      ["0", 0, "$0"],
      ["1.5", 0, "$2"],
      ["-1.5", 0, "-$2"],
      ["1e3", 1, "$1000.0"],
      ["0.5", 1, "$0.5"],
      ["0.5", 5, "$0.50000"],
      ["1e-30", 29, `$0.${"0".repeat(29)}`]
    ] as const
    for (const [text, decimals, money] of rows) assert.strictEqual(Usd.format(make(text), { decimals }), money)
  })

  it("is exact unless told otherwise, with two decimals or more", () => {
    for (const [text, money] of [["0.0000285", "$0.0000285"], ["0.999", "$0.999"], ["-0", "$0.00"], ["3", "$3.00"]]) {
      for (const options of [undefined, {}, { decimals: undefined }]) {
        assert.strictEqual(Usd.format(make(text ?? ""), options), money)
      }
    }
  })

  it("has a whole number of decimals", () => {
    for (const decimals of [-1, 1.5, NaN, Infinity]) {
      assert.throws(() => Usd.format(Usd.zero, { decimals }), RangeError)
    }
  })

  it.prop("and its number agree", { n: Schema.Finite }, ({ n }) => {
    const text = Usd.toText(Usd.fromNumber(n))
    assert.match(text, /^-?\d+(\.\d*[1-9])?$/)
    assert.strictEqual(Number(text) + 0, n + 0)
    assert.strictEqual(Usd.toText(make(text)), text)
  }, seeded(7))

  it.prop("is, for people, the text with a sign and at least two decimals", { n: Schema.Finite }, ({ n }) => {
    const money = Usd.format(Usd.fromNumber(n))
    assert.match(money, /^-?\$\d+\.\d{2,}$/)
    assert.strictEqual(Number(money.replace("$", "")) + 0, n + 0)
  }, seeded(8))

  it.prop("is read again", { a: Usd.Usd }, ({ a }) => {
    assert.deepStrictEqual([make(Usd.format(a)), make(Usd.toText(a))], [a, a])
  }, seeded(9))

  it.prop(
    "rounded is off by half of the last decimal at most",
    { a: Usd.Usd, decimals: Schema.Literals([0, 2, 7]) },
    ({ a, decimals }) => {
      const money = Usd.format(a, { decimals })
      assert.strictEqual(money.split(".")[1]?.length ?? 0, decimals)
      const off = Usd.subtract(make(money), a)
      const half = make(`5e-${decimals + 1}`)
      assert.isTrue(Usd.isLessThanOrEqualTo(off, half) && Usd.isGreaterThanOrEqualTo(off, Usd.multiply(half, -1)))
    },
    seeded(10)
  )
})

describe("a sum", () => {
  it("adds tenths as they are", () => {
    assert.strictEqual(Usd.toText(Usd.sum(Usd.fromNumber(0.1), Usd.fromNumber(0.2))), "0.3")
  })

  it.prop("is commutative and associative, and zero changes nothing", amounts, ({ a, b, c }) => {
    assert.deepStrictEqual(Usd.sum(a, b), Usd.sum(b, a))
    assert.deepStrictEqual(Usd.sum(Usd.sum(a, b), c), Usd.sum(a, Usd.sum(b, c)))
    assert.deepStrictEqual([Usd.sum(a, Usd.zero), Usd.sum(Usd.zero, a)], [a, a])
  }, seeded(11))

  it.prop("is that of BigDecimal, and so are difference and product", amounts, ({ a, b }) => {
    assert.deepStrictEqual(Usd.sum(a, b), Usd.fromDecimal(BigDecimal.sum(Usd.toDecimal(a), Usd.toDecimal(b))))
    assert.deepStrictEqual(Usd.subtract(a, b), Usd.fromDecimal(BigDecimal.subtract(Usd.toDecimal(a), Usd.toDecimal(b))))
    assert.deepStrictEqual(
      Usd.multiply(a, Usd.toDecimal(b)),
      Usd.fromDecimal(BigDecimal.multiply(Usd.toDecimal(a), Usd.toDecimal(b)))
    )
  }, seeded(12))

  it.prop("is undone by subtract", amounts, ({ a, b }) => {
    assert.deepStrictEqual(Usd.subtract(Usd.sum(a, b), b), a)
    assert.deepStrictEqual(Usd.sum(Usd.subtract(a, b), b), a)
    assert.isTrue(Usd.isZero(Usd.subtract(a, a)))
  }, seeded(13))

  it.prop("is repeated by multiply, which distributes", { ...amounts, n: Schema.Int }, ({ a, b, n }) => {
    assert.deepStrictEqual(Usd.multiply(a, 3), Usd.sumAll([a, a, a]))
    assert.deepStrictEqual(Usd.multiply(Usd.sum(a, b), n), Usd.sum(Usd.multiply(a, n), Usd.multiply(b, n)))
    assert.deepStrictEqual(Usd.multiply(a, 0), Usd.zero)
  }, seeded(14))

  it.prop("of many has no order", { list: Schema.Array(Usd.Usd) }, ({ list }) => {
    const total = Usd.sumAll(list)
    assert.deepStrictEqual(list.reduce(Usd.sum, Usd.zero), total)
    assert.deepStrictEqual(Usd.sumAll(list.toReversed()), total)
    assert.deepStrictEqual(Usd.Reducer.combineAll(list), total)
    assert.deepStrictEqual(total, Usd.fromDecimal(BigDecimal.sumAll(list.map((usd) => Usd.toDecimal(usd)))))
  }, seeded(15))

  it("of amounts far apart has all digits", () => {
    const far = Usd.sum(Usd.fromNumber(1e300), Usd.fromNumber(1e-300))
    assert.strictEqual(Usd.toText(far), `1${"0".repeat(300)}.${"0".repeat(299)}1`)
    assert.deepStrictEqual(Usd.subtract(far, Usd.fromNumber(1e300)), Usd.fromNumber(1e-300))
  })

  it("is a Reducer, also of structs", () => {
    const Both = Struct.makeReducer({ cost: Usd.Reducer, fee: Usd.Reducer })
    assert.deepStrictEqual(Usd.Reducer.combineAll([]), Usd.zero)
    assert.deepStrictEqual(
      Both.combineAll([{ cost: make("0.1"), fee: Usd.zero }, { cost: make("0.2"), fee: make("1") }]),
      { cost: make("0.3"), fee: make("1") }
    )
  })

  it("is written in either direction", () => {
    const one = make("1")
    assert.strictEqual(String(one.pipe(Usd.sum(make("0.5")), Usd.subtract(make("0.25")), Usd.multiply(2))), "$2.50")
    assert.isTrue(pipe(one, Usd.isLessThan(make("2"))) && pipe(one, Usd.equals(make("1.0"))))
    assert.deepStrictEqual([pipe(one, Usd.min(make("2"))), pipe(one, Usd.max(make("2")))], [one, make("2")])
    for (const factor of [NaN, Infinity]) assert.throws(() => Usd.multiply(one, factor), RangeError)
  })
})

describe("the order", () => {
  const signs: ReadonlyArray<number> = [-1, 0, 1]

  it.prop("is total, and that of BigDecimal", amounts, ({ a, b, c }) => {
    const order = Usd.Order(a, b)
    assert.include(signs, order)
    assert.strictEqual(order, BigDecimal.Order(Usd.toDecimal(a), Usd.toDecimal(b)))
    assert.strictEqual(Usd.Order(b, a) + order, 0)
    assert.strictEqual(order === 0, Usd.equals(a, b))
    assert.strictEqual(Usd.Order(a, a), 0)
    if (order <= 0 && Usd.Order(b, c) <= 0) assert.isAtMost(Usd.Order(a, c), 0)
  }, seeded(16))

  it.prop("is what all comparisons say", amounts, ({ a, b, c }) => {
    const order = Usd.Order(a, b)
    assert.deepStrictEqual(
      [Usd.isLessThan, Usd.isLessThanOrEqualTo, Usd.isGreaterThan, Usd.isGreaterThanOrEqualTo, Usd.Equivalence]
        .map((compare) => compare(a, b)),
      [order < 0, order <= 0, order > 0, order >= 0, order === 0]
    )
    assert.deepStrictEqual([Usd.min(a, b), Usd.max(a, b)], order <= 0 ? [a, b] : [b, a])
    assert.strictEqual(Usd.isNegative(a), Usd.isLessThan(a, Usd.zero))
    assert.strictEqual(Usd.isZero(a), Usd.equals(a, Usd.zero))
    assert.strictEqual(Usd.isLessThan(a, b), Usd.isLessThan(Usd.sum(a, c), Usd.sum(b, c)))
  }, seeded(17))

  it("sorts by value, where text would not", () => {
    const sorted = Array.sort(["10", "9", "-1", "0.05", "1e-7"].map(make), Usd.Order)
    assert.deepStrictEqual(sorted.map(String), ["-$1.00", "$0.0000001", "$0.05", "$9.00", "$10.00"])
  })
})

describe("its schemas", () => {
  it.prop("give an amount back, from JSON, from text and from a number", { a: Usd.Usd }, ({ a }) => {
    assert.isTrue(Schema.is(Usd.Usd)(a))
    const json = Schema.encodeSync(Json)(a)
    assert.strictEqual(json, `"${Usd.toText(a)}"`)
    assert.deepStrictEqual(decode(Json)(json), a)
    assert.deepStrictEqual(decode(Usd.FromString)(Schema.encodeSync(Usd.FromString)(a)), a)
    assert.deepStrictEqual(decode(Usd.FromNumber)(Schema.encodeSync(Usd.FromNumber)(a)), a)
    assert.deepStrictEqual(decode(Schema.toCodecStringTree(Usd.Usd))(Usd.toText(a)), a)
  }, seeded(18))

  it.prop("give a number back", { n: Schema.Finite }, ({ n }) => {
    assert.strictEqual(Schema.encodeSync(Usd.FromNumber)(decode(Usd.FromNumber)(n)), n + 0)
  }, seeded(19))

  it("read decimal text, and nothing else", () => {
    for (const schema of [Schema.toCodecJson(Usd.Usd), Usd.FromString]) {
      for (const text of ["0.50", "-1", "007", "1e-07", "1.5E+3"]) {
        assert.deepStrictEqual(decode(schema)(text), make(text))
      }
      for (const text of ["", "$1", " 1", ".5", "1.", "+1", "abc", "1e999999999"]) {
        assert.throws(() => decode(schema)(text), "decimal text")
      }
      for (const other of [1, null, { value: 1 }]) assert.throws(() => decode(schema)(other), "string")
    }
    for (const other of ["1", NaN, Infinity, null]) assert.throws(() => decode(Usd.FromNumber)(other))
  })

  it("take no amount for a number that is too large for one", () => {
    assert.throws(() => Schema.encodeSync(Usd.FromNumber)(make("1e400")))
    assert.strictEqual(Schema.encodeSync(Json)(make("1e400")), `"1${"0".repeat(400)}"`)
  })

  it("say the same in one pass", () => {
    for (const schema of [Usd.FromNumber, Usd.FromString]) {
      const read = Codec.reader<unknown>(schema)
      const write = Codec.writer(schema)
      const json: ReadonlyArray<unknown> = [0, -0, 1.5, 1e-7, NaN, Infinity, "0.50", "1e5", "$1", "", null, {}, []]
      for (const value of json) {
        const result = Schema.decodeUnknownResult(schema)(value)
        assert.deepStrictEqual(read(value), Result.getOrElse(result, () => Codec.misfit))
      }
      for (
        const value of [Usd.zero, make("0.5"), make("-1e-30"), make("1e400"), Usd.toDecimal(make("1")), 1, "1", null]
      ) {
        const result = Schema.encodeUnknownResult(schema)(value)
        assert.deepStrictEqual(write(value), Result.getOrElse(result, () => Codec.misfit))
      }
    }
  })

  it("are described by JSON Schema", () => {
    const text = {
      type: "string",
      pattern: "^-?\\d+(\\.\\d+)?([eE][+-]?\\d{1,3})?$",
      description: "US dollars as exact decimal text, such as 0.50"
    }
    assert.deepStrictEqual(
      Schema.toJsonSchemaDocument(Schema.Struct({ a: Usd.Usd, b: Usd.FromString, c: Usd.FromNumber })).schema
        .properties,
      { a: text, b: text, c: { type: "number" } }
    )
  })
})

describe("wherever it comes from", () => {
  const half = make("0.50")

  const report: CostLedger.ScopeReport = { ...CostLedger.zero, name: "total", cost: half, scopes: [] }

  const read = <A, E>(schema: Schema.Codec<A, E>, value: A): A => {
    const codec = Schema.fromJsonString(Schema.toCodecJson(schema))
    return Schema.decodeSync(codec)(Schema.encodeSync(codec)(value))
  }

  const error = new OpenRouterError.BudgetExceeded({
    message: "no",
    limit: half,
    spent: half,
    unknown: half,
    reserved: half,
    scope: "tick"
  })

  const sources: ReadonlyArray<readonly [from: string, amount: Usd.Usd | undefined]> = [
    ["made", half],
    ["from a number", Usd.fromNumber(0.5)],
    ["from a decimal", Usd.fromDecimal(BigDecimal.make(50n, 2))],
    ["from text", Option.getOrUndefined(Usd.fromString("0.5"))],
    ["decoded from a number", decode(Usd.FromNumber)(0.5)],
    ["decoded from text", decode(Usd.FromString)("0.5")],
    ["decoded from JSON", decode(Json)(`"0.50"`)],
    ["decoded in a usage", decode(Usage.Usage)({ cost: 0.5 }).cost],
    ["summed", Usd.sum(make("0.2"), make("0.3"))],
    ["summed up", Usd.sumAll([make("0.2"), make("0.3")])],
    ["subtracted", Usd.subtract(make("1"), make("0.5"))],
    ["multiplied", Usd.multiply(make("0.00005"), 10_000)],
    ["the larger one", Usd.max(half, Usd.zero)],
    ["in a sum of costs", Costs.sum(Costs.zero, report).cost],
    ["in a report that was stored", read(CostLedger.ScopeReport, report).cost],
    ["in an error that was stored", read(OpenRouterError.BudgetExceeded, error).spent]
  ]

  it.each(sources)("%s it prints $0.50", (_, amount) => {
    assert.deepStrictEqual(amount, half)
    assert.deepStrictEqual(
      [`${amount}`, "" + amount, String(amount), inspect(amount), inspect({ amount }), Formatter.format({ amount })],
      ["$0.50", "$0.50", "$0.50", "$0.50", "{ amount: $0.50 }", `{"amount":$0.50}`]
    )
    assert.strictEqual(JSON.stringify({ amount }), `{"amount":"0.5"}`)
    assert.strictEqual(Formatter.formatJson({ amount }), `{"amount":"0.5"}`)
  })

  it.effect("it prints $0.50 in an outcome, a ledger and an error", () =>
    Effect.gen(function*() {
      const request = { model: "openai/gpt-5", input: "Hi." }
      const [outcome, spent] = yield* CostLedger.measured(OpenRouter.outcome(request))
      for (const { cost } of [outcome, outcome.usage ?? {}, spent]) assert.strictEqual(inspect(cost), "$0.50")
      assert.match(inspect(outcome), /cost: \$0\.50/)
      assert.match(inspect(spent), /cost: \$0\.50/)
      assert.match(CostLedger.toTable(spent), / \$0\.50$/)
      const refusal = yield* Effect.flip(OpenRouter.respond({ ...request, model: "refusing" }))
      assert.strictEqual(`${refusal._tag === "Refused" ? refusal.cost : ""}`, "$0.50")
      assert.match(inspect(refusal), /cost: \$0\.50/)
      assert.match(inspect(error), /limit: \$0\.50/)
      assert.match(JSON.stringify(spent), /"cost":"0\.5"/)
    }).pipe(Effect.provide(OpenRouterTest.layer(({ model }) =>
      model === "refusing"
        ? new OpenRouterError.Refused({ message: "no", refusal: "No.", source: "model", usage: { cost: half } })
        : OpenRouterTest.answer({ text: "Hello.", usage: { cost: half } })
    ))))

  it("is what Equivalence compares", () => {
    const byCost = Equivalence.mapInput(Usd.Equivalence, ({ cost }: Costs.Costs) => cost)
    assert.isTrue(byCost(report, { ...report, calls: 3, cost: make("0.500") }))
  })
})
