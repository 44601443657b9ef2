/**
 * Between the JSON that a model writes for a {@link Shape} and the JSON of Effect's codec.
 *
 * They differ where strict mode has no form for what the schema says: a missing field is `null`, entries are pairs, the
 * places of a tuple are properties, an `Option` is its value or `null`, a duration is ISO 8601. Where a model that is not
 * strict gives the plain form instead, that is taken as well. What does not fit is left as it is: the codec says what is
 * wrong with it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Wire from "../wire/Wire.ts"
import type { Decoders } from "./Decoders.ts"
import { entriesName } from "./ObjectSchema.ts"
import * as Shape from "./Shape.ts"

/**
 * A place in a JSON value.
 *
 * @since 0.1.0
 */
export type Path = ReadonlyArray<string | number>

/**
 * What was noticed while JSON was read.
 *
 * @since 0.1.0
 */
export interface Notes {
  /** Items that a list left out. */
  readonly misfits: ReadonlyArray<{ readonly path: Path; readonly issue: SchemaIssue.Issue }>
  /** Pairs whose key was there before. */
  readonly repeated: ReadonlyArray<Path>
  /** Plain objects in the place of pairs: only the text tells whether a key was there twice. */
  readonly objects: ReadonlyArray<Path>
}

/**
 * JSON as the codec takes it.
 *
 * @since 0.1.0
 */
export interface Read {
  readonly json: unknown
  readonly notes: Notes
}

/** One reading or writing; each member of a union has one of its own. */
interface Attempt {
  misses: number
  /** Members of objects that the shape does not have. */
  extras: number
  /** True where only what fits counts, so that everything is looked at. */
  readonly isTrial: boolean
  readonly misfits: Array<Notes["misfits"][number]>
  readonly repeated: Array<Path>
  readonly objects: Array<Path>
}

const start = (isTrial: boolean): Attempt => ({
  misses: 0,
  extras: 0,
  isTrial,
  misfits: [],
  repeated: [],
  objects: []
})

/** A place, innermost first: most are never asked for. */
interface At {
  readonly key: string | number
  readonly outer: At | undefined
}

const pathOf = (at: At | undefined): Path => {
  const path: Array<string | number> = []
  for (let place = at; place !== undefined; place = place.outer) path.unshift(place.key)
  return path
}

/**
 * Reads what a model wrote.
 *
 * @since 0.1.0
 */
export const read = (shape: Shape.Shape, json: unknown, decoders: Decoders, at: Path = []): Read => {
  const attempt = start(false)
  const outer = at.reduce<At | undefined>((outer, key) => ({ key, outer }), undefined)
  return { json: reader(decoders)(shape, json, outer, attempt), notes: attempt }
}

type Convert = (shape: Shape.Shape, json: unknown, at: At | undefined, attempt: Attempt) => unknown

/** What does not fit stays as it is. */
const missed = (json: unknown, attempt: Attempt): unknown => {
  attempt.misses++
  return json
}

/** The member of a union that the JSON fits, or fits best; the first of several. */
const best = (
  members: ReadonlyArray<Shape.Shape>,
  json: unknown,
  at: At | undefined,
  attempt: Attempt,
  convert: Convert
): unknown => {
  let found: { readonly json: unknown; readonly attempt: Attempt } | undefined
  for (const member of members) {
    const tried = start(true)
    const made = convert(member, json, at, tried)
    if (found === undefined || isBetter(tried, found.attempt)) found = { json: made, attempt: tried }
    if (tried.misses === 0 && tried.extras === 0) break
  }
  if (found === undefined) return missed(json, attempt)
  attempt.misses += found.attempt.misses
  attempt.extras += found.attempt.extras
  attempt.misfits.push(...found.attempt.misfits)
  attempt.repeated.push(...found.attempt.repeated)
  attempt.objects.push(...found.attempt.objects)
  return found.json
}

const isBetter = (a: Attempt, b: Attempt): boolean => a.misses === b.misses ? a.extras < b.extras : a.misses < b.misses

/** True for what the shape of a leaf takes. */
const isLeaf = (shape: Shape.Null | Shape.Boolean | Shape.Number | Shape.Literals, json: unknown): boolean => {
  switch (shape._tag) {
    case "Null":
      return json === null
    case "Boolean":
      return typeof json === "boolean"
    case "Number":
      return typeof json === "number" && (!shape.isInteger || Number.isInteger(json))
    case "Literals":
      return shape.values.some((value) => value === json)
  }
}

const reader = (decoders: Decoders): Convert => {
  const convert: Convert = (shape, json, at, attempt) => {
    const own = Shape.resolved(shape)
    if (!attempt.isTrial && !decoders.differing.has(own)) return json
    switch (own._tag) {
      case "Null":
      case "Boolean":
      case "Number":
      case "Literals":
        return isLeaf(own, json) ? json : missed(json, attempt)
      case "Text":
        if (typeof json !== "string") return missed(json, attempt)
        return own.isDuration ? durationJson(json) ?? missed(json, attempt) : json
      case "List":
        return Array.isArray(json) ? list(own, json, at, attempt) : missed(json, attempt)
      case "Tuple":
        return tuple(own, json, at, attempt)
      case "Struct":
        return struct(own, json, at, attempt)
      case "Union":
        return best(own.members, json, at, attempt, convert)
      case "Maybe":
        return json === null ? { _tag: "None" } : { _tag: "Some", value: convert(own.value, json, at, attempt) }
      case "Anything":
        return json
    }
  }

  const list = (shape: Shape.List, json: ReadonlyArray<unknown>, outer: At | undefined, attempt: Attempt): unknown => {
    if (!shape.keepsFitting) return json.map((item, key) => convert(shape.item, item, { key, outer }, attempt))
    const decode = decoders.of(shape.item.ast)
    return json.flatMap((item, key) => {
      const tried = start(false)
      const at = { key, outer }
      const made = convert(shape.item, item, at, tried)
      const exit = decode(made)
      const issue = Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined
      if (issue !== undefined) {
        attempt.misfits.push({ path: pathOf(at), issue })
        return []
      }
      attempt.misfits.push(...tried.misfits)
      attempt.repeated.push(...tried.repeated)
      attempt.objects.push(...tried.objects)
      return [made]
    })
  }

  const tuple = (shape: Shape.Tuple, json: unknown, outer: At | undefined, attempt: Attempt): unknown => {
    const { elements, rest, tail } = shape
    if (Array.isArray(json)) {
      const lastAt = rest === undefined ? json.length : json.length - tail.length
      return json.map((item, index) => {
        const place = elements[index]?.shape ?? (index < lastAt ? rest : tail[index - lastAt]?.shape)
        return place === undefined ? missed(item, attempt) : convert(place, item, { key: index, outer }, attempt)
      })
    }
    if (!Wire.isJsonObject(json)) return missed(json, attempt)
    const items: Array<unknown> = []
    const add = ({ isOptional, name, shape }: Shape.Field): void => {
      const item = json[name]
      if (item === undefined && !isOptional) attempt.misses++
      if (item !== undefined && (item !== null || !isOptional || Shape.takesNull(shape))) {
        items.push(convert(shape, item, { key: name, outer }, attempt))
      }
    }
    elements.forEach(add)
    if (rest !== undefined) {
      const more = json["rest"]
      if (Array.isArray(more)) {
        const at = { key: "rest", outer }
        items.push(...more.map((item, key) => convert(rest, item, { key, outer: at }, attempt)))
      } else attempt.misses++
    }
    tail.forEach(add)
    return items
  }

  const struct = (shape: Shape.Struct, json: unknown, outer: At | undefined, attempt: Attempt): unknown => {
    const { entries, fields } = shape
    if (entries !== undefined && fields.length === 0 && Array.isArray(json)) {
      return pairs(entries, json, outer, attempt, {})
    }
    if (!Wire.isJsonObject(json)) return missed(json, attempt)
    const made: Record<string, unknown> = {}
    let found = 0
    for (const { isOptional, name, shape } of fields) {
      if (!Object.hasOwn(json, name)) {
        if (!isOptional) attempt.misses++
        continue
      }
      found++
      const value = json[name]
      if (value === null && isOptional && !Shape.takesNull(shape)) continue
      put(made, name, convert(shape, value, { key: name, outer }, attempt))
    }
    if (entries !== undefined) others(shape, entries, json, outer, attempt, made)
    else attempt.extras += Object.keys(json).length - found
    return made
  }

  /** The members of an object that are none of its fields. */
  const others = (
    shape: Shape.Struct,
    entries: Shape.Entries,
    json: Wire.JsonObject,
    outer: At | undefined,
    attempt: Attempt,
    made: Record<string, unknown>
  ): void => {
    const { fields } = shape
    const otherwise = entriesName(shape)
    attempt.objects.push(pathOf(outer))
    for (const [name, value] of Object.entries(json)) {
      if (fields.some((field) => field.name === name)) continue
      const at = { key: name, outer }
      if (name === otherwise && fields.length > 0 && Array.isArray(value)) pairs(entries, value, at, attempt, made)
      else put(made, name, convert(entries.value, value, at, attempt))
    }
  }

  const pairs = (
    entries: Shape.Entries,
    json: ReadonlyArray<unknown>,
    outer: At | undefined,
    attempt: Attempt,
    made: Record<string, unknown>
  ): Record<string, unknown> => {
    for (const [index, pair] of json.entries()) {
      const [key, value] = Array.isArray(pair) ? pair : Wire.isJsonObject(pair)
        ? [pair["key"] ?? pair["0"], Object.hasOwn(pair, "key") ? pair["value"] : pair["1"]]
        : []
      const at = { key: index, outer }
      if (typeof key !== "string" && typeof key !== "number") {
        attempt.misses++
        put(made, `[${index}]`, pair)
        continue
      }
      if (Object.hasOwn(made, String(key))) attempt.repeated.push(pathOf(at))
      put(made, String(key), convert(entries.value, value, { key: "value", outer: at }, attempt))
    }
    return made
  }

  return convert
}

/** A key of a model may be one that an assignment would not make a member. */
const put = (object: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  } else object[key] = value
}

/**
 * Writes JSON of the codec as a model would; `undefined` if there is no form for it, such as for an infinite duration.
 *
 * @since 0.1.0
 */
export const write = (shape: Shape.Shape, json: unknown, isStrict: boolean): Option.Option<unknown> => {
  const attempt = start(true)
  const made = writer(isStrict)(shape, json, undefined, attempt)
  return attempt.misses === 0 ? Option.some(made) : Option.none()
}

const writer = (isStrict: boolean): Convert => {
  const convert: Convert = (shape, json, at, attempt) => {
    const own = Shape.resolved(shape)
    switch (own._tag) {
      case "Null":
      case "Boolean":
      case "Number":
      case "Literals":
        return isLeaf(own, json) ? json : missed(json, attempt)
      case "Text":
        return own.isDuration
          ? durationText(json) ?? missed(json, attempt)
          : typeof json === "string"
          ? json
          : missed(json, attempt)
      case "List":
        return Array.isArray(json) ? json.map((item) => convert(own.item, item, at, attempt)) : missed(json, attempt)
      case "Tuple":
        return Array.isArray(json) ? tuple(own, json, attempt) : missed(json, attempt)
      case "Struct":
        return Wire.isJsonObject(json) ? struct(own, json, attempt) : missed(json, attempt)
      case "Union":
        return best(own.members, json, at, attempt, convert)
      case "Maybe":
        if (!Wire.isJsonObject(json)) return missed(json, attempt)
        return json["_tag"] === "None" ? null : convert(own.value, json["value"], at, attempt)
      case "Anything":
        return json
    }
  }

  const tuple = ({ elements, rest, tail }: Shape.Tuple, json: ReadonlyArray<unknown>, attempt: Attempt): unknown => {
    const lastAt = rest === undefined ? json.length : Math.max(elements.length, json.length - tail.length)
    const write = (shape: Shape.Shape, item: unknown) => convert(shape, item, undefined, attempt)
    const more = rest === undefined ? [] : json.slice(elements.length, lastAt).map((item) => write(rest, item))
    const last = tail.map((field, index) => [field.name, write(field.shape, json[lastAt + index])] as const)
    const first = elements.flatMap(({ isOptional, name, shape }, index) => {
      if (index < json.length) return [[name, write(shape, json[index])] as const]
      if (!isOptional) attempt.misses++
      return isStrict ? [[name, null] as const] : []
    })
    if (rest === undefined && json.length > elements.length) attempt.misses++
    return isStrict
      ? Object.fromEntries([...first, ...(rest === undefined ? [] : [["rest", more] as const]), ...last])
      : [...first.map(([_, item]) => item), ...more, ...last.map(([_, item]) => item)]
  }

  const struct = (shape: Shape.Struct, json: Wire.JsonObject, attempt: Attempt): unknown => {
    const { entries, fields } = shape
    const made: Array<readonly [string, unknown]> = []
    for (const { isOptional, name, shape } of fields) {
      if (Object.hasOwn(json, name)) made.push([name, convert(shape, json[name], undefined, attempt)])
      else if (!isOptional) attempt.misses++
      else if (isStrict) made.push([name, null])
    }
    const others = Object.entries(json).filter(([name]) => !fields.some((field) => field.name === name))
    if (entries === undefined) {
      attempt.extras += others.length
      return Object.fromEntries(made)
    }
    const written = others.map(([key, value]) => [key, convert(entries.value, value, undefined, attempt)] as const)
    if (!isStrict) return Object.fromEntries([...made, ...written])
    const pairs = written.map(([key, value]) => ({ key, value }))
    return fields.length === 0 ? pairs : Object.fromEntries([...made, [entriesName(shape), pairs]])
  }

  return convert
}

const DurationJson = Schema.toCodecJson(Schema.Duration)

const durationJson = (text: string): unknown => {
  const duration = Option.getOrUndefined(Duration.fromIso(text))
  return duration === undefined
    ? undefined
    : Exit.getSuccess(SchemaParser.encodeExit(DurationJson)(duration)).pipe(Option.getOrUndefined)
}

const durationText = (json: unknown): string | undefined =>
  Exit.getSuccess(SchemaParser.decodeUnknownExit(DurationJson)(json)).pipe(
    Option.flatMap(Duration.formatIso),
    Option.getOrUndefined
  )
