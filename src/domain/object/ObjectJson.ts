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
  readonly misfits: Array<Notes["misfits"][number]>
  readonly repeated: Array<Path>
  readonly objects: Array<Path>
}

const start = (): Attempt => ({ misses: 0, extras: 0, misfits: [], repeated: [], objects: [] })

/**
 * Reads what a model wrote.
 *
 * @since 0.1.0
 */
export const read = (shape: Shape.Shape, json: unknown, decoders: Decoders, at: Path = []): Read => {
  const attempt = start()
  return { json: reader(decoders)(shape, json, at, attempt), notes: attempt }
}

type Convert = (shape: Shape.Shape, json: unknown, path: Path, attempt: Attempt) => unknown

/** What does not fit stays as it is. */
const missed = (json: unknown, attempt: Attempt): unknown => {
  attempt.misses++
  return json
}

/** The member of a union that the JSON fits, or fits best; the first of several. */
const best = (
  members: ReadonlyArray<Shape.Shape>,
  json: unknown,
  path: Path,
  attempt: Attempt,
  convert: Convert
): unknown => {
  let found: { readonly json: unknown; readonly attempt: Attempt } | undefined
  for (const member of members) {
    const tried = start()
    const made = convert(member, json, path, tried)
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
  const convert: Convert = (shape, json, path, attempt) => {
    const own = Shape.resolved(shape)
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
        return Array.isArray(json) ? list(own, json, path, attempt) : missed(json, attempt)
      case "Tuple":
        return tuple(own, json, path, attempt)
      case "Struct":
        return struct(own, json, path, attempt)
      case "Union":
        return best(own.members, json, path, attempt, convert)
      case "Maybe":
        return json === null ? { _tag: "None" } : { _tag: "Some", value: convert(own.value, json, path, attempt) }
      case "Anything":
        return json
    }
  }

  const list = (shape: Shape.List, json: ReadonlyArray<unknown>, path: Path, attempt: Attempt): unknown => {
    if (!shape.keepsFitting) return json.map((item, index) => convert(shape.item, item, [...path, index], attempt))
    const decode = decoders.of(shape.item.ast)
    return json.flatMap((item, index) => {
      const tried = start()
      const at = [...path, index]
      const made = convert(shape.item, item, at, tried)
      const exit = decode(made)
      const issue = Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined
      if (issue !== undefined) {
        attempt.misfits.push({ path: at, issue })
        return []
      }
      attempt.misfits.push(...tried.misfits)
      attempt.repeated.push(...tried.repeated)
      attempt.objects.push(...tried.objects)
      return [made]
    })
  }

  const tuple = (shape: Shape.Tuple, json: unknown, path: Path, attempt: Attempt): unknown => {
    const { elements, rest, tail } = shape
    if (Array.isArray(json)) {
      const lastAt = rest === undefined ? json.length : json.length - tail.length
      return json.map((item, index) => {
        const place = elements[index]?.shape ?? (index < lastAt ? rest : tail[index - lastAt]?.shape)
        return place === undefined ? missed(item, attempt) : convert(place, item, [...path, index], attempt)
      })
    }
    if (!Wire.isJsonObject(json)) return missed(json, attempt)
    const items: Array<unknown> = []
    const add = ({ isOptional, name, shape }: Shape.Field): void => {
      const item = json[name]
      if (item === undefined && !isOptional) attempt.misses++
      if (item !== undefined && (item !== null || !isOptional || Shape.takesNull(shape))) {
        items.push(convert(shape, item, [...path, name], attempt))
      }
    }
    elements.forEach(add)
    if (rest !== undefined) {
      const more = json["rest"]
      if (Array.isArray(more)) {
        items.push(...more.map((item, index) => convert(rest, item, [...path, "rest", index], attempt)))
      } else attempt.misses++
    }
    tail.forEach(add)
    return items
  }

  const struct = (shape: Shape.Struct, json: unknown, path: Path, attempt: Attempt): unknown => {
    const { entries, fields } = shape
    if (entries !== undefined && fields.length === 0 && Array.isArray(json)) {
      return Object.fromEntries(pairs(entries, json, path, attempt))
    }
    if (!Wire.isJsonObject(json)) return missed(json, attempt)
    const made: Array<readonly [string, unknown]> = []
    for (const { isOptional, name, shape } of fields) {
      if (!Object.hasOwn(json, name)) {
        if (!isOptional) attempt.misses++
        continue
      }
      const value = json[name]
      if (value === null && isOptional && !Shape.takesNull(shape)) continue
      made.push([name, convert(shape, value, [...path, name], attempt)])
    }
    const others = entriesName(shape)
    if (entries !== undefined) attempt.objects.push(path)
    for (const [name, value] of Object.entries(json)) {
      if (fields.some((field) => field.name === name)) continue
      if (entries === undefined) attempt.extras++
      else if (name === others && fields.length > 0 && Array.isArray(value)) {
        made.push(...pairs(entries, value, [...path, name], attempt))
      } else made.push([name, convert(entries.value, value, [...path, name], attempt)])
    }
    return Object.fromEntries(made)
  }

  const pairs = (
    entries: Shape.Entries,
    json: ReadonlyArray<unknown>,
    path: Path,
    attempt: Attempt
  ): ReadonlyArray<readonly [string, unknown]> => {
    const keys = new Set<string>()
    return json.flatMap((pair, index) => {
      const at = [...path, index]
      const [key, value] = Array.isArray(pair) ? pair : Wire.isJsonObject(pair)
        ? [pair["key"] ?? pair["0"], Object.hasOwn(pair, "key") ? pair["value"] : pair["1"]]
        : []
      if (typeof key !== "string" && typeof key !== "number") {
        attempt.misses++
        return [[`[${index}]`, pair] as const]
      }
      const name = String(key)
      if (keys.has(name)) attempt.repeated.push(at)
      keys.add(name)
      return [[name, convert(entries.value, value, [...at, "value"], attempt)] as const]
    })
  }

  return convert
}

/**
 * Writes JSON of the codec as a model would; `undefined` if there is no form for it, such as for an infinite duration.
 *
 * @since 0.1.0
 */
export const write = (shape: Shape.Shape, json: unknown, isStrict: boolean): Option.Option<unknown> => {
  const attempt = start()
  const made = writer(isStrict)(shape, json, [], attempt)
  return attempt.misses === 0 ? Option.some(made) : Option.none()
}

const writer = (isStrict: boolean): Convert => {
  const convert: Convert = (shape, json, path, attempt) => {
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
        return Array.isArray(json) ? json.map((item) => convert(own.item, item, path, attempt)) : missed(json, attempt)
      case "Tuple":
        return Array.isArray(json) ? tuple(own, json, attempt) : missed(json, attempt)
      case "Struct":
        return Wire.isJsonObject(json) ? struct(own, json, attempt) : missed(json, attempt)
      case "Union":
        return best(own.members, json, path, attempt, convert)
      case "Maybe":
        if (!Wire.isJsonObject(json)) return missed(json, attempt)
        return json["_tag"] === "None" ? null : convert(own.value, json["value"], path, attempt)
      case "Anything":
        return json
    }
  }

  const tuple = ({ elements, rest, tail }: Shape.Tuple, json: ReadonlyArray<unknown>, attempt: Attempt): unknown => {
    const lastAt = rest === undefined ? json.length : Math.max(elements.length, json.length - tail.length)
    const write = (shape: Shape.Shape, item: unknown) => convert(shape, item, [], attempt)
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
      if (Object.hasOwn(json, name)) made.push([name, convert(shape, json[name], [], attempt)])
      else if (!isOptional) attempt.misses++
      else if (isStrict) made.push([name, null])
    }
    const others = Object.entries(json).filter(([name]) => !fields.some((field) => field.name === name))
    if (entries === undefined) {
      attempt.extras += others.length
      return Object.fromEntries(made)
    }
    const written = others.map(([key, value]) => [key, convert(entries.value, value, [], attempt)] as const)
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
