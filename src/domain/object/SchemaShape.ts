/**
 * The {@link Shape} of a schema: its JSON as Effect writes it, seen from the value's side, so that nothing is lost which the
 * schema says on that side of a transformation.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { lazy } from "../wire/Lazy.ts"
import * as Constraint from "./Constraint.ts"
import * as KnownText from "./KnownText.ts"
import { appearsWhole, keepsFitting } from "./Marks.ts"
import * as Renaming from "./Renaming.ts"
import * as Shape from "./Shape.ts"

/**
 * Makes the shape of a part of a schema.
 *
 * @since 0.1.0
 */
export const make = (root: SchemaAST.AST): Shape.Shape => {
  const known = new Map<SchemaAST.AST, Shape.Shape>()
  /** A schema that is used as a field is a copy which shares its body. */
  const bodies = new Map<unknown, Array<SchemaAST.AST>>()

  const of = (ast: SchemaAST.AST): Shape.Shape => {
    const body = bodyOf(ast)
    const others = bodies.get(body) ?? []
    const before = known.get(ast) ?? known.get(others.find((other) => isSame(ast, other)) ?? ast)
    if (before !== undefined) return before
    if (known.size > maxParts) throw new Error("the schema has no end")
    const made = ast.encoding === undefined ? plain(ast) : encoded(ast, ast.encoding)
    const shape = appearsWhole(ast) ? { ...made, isWhole: true } : made
    known.set(ast, shape)
    bodies.set(body, [...others, ast])
    return shape
  }

  /** A part whose JSON is that of another part, from which it is made. */
  const encoded = (ast: SchemaAST.AST, links: SchemaAST.Encoding): Shape.Shape => {
    const [first] = links
    const last = Arr.lastNonEmpty(links)
    if (SchemaAST.isDeclaration(ast) && isClass(ast) && links.length === 1) return within(ast, of(last.to), false)
    if (SchemaAST.isObjects(ast) && links.length === 1) {
      const names = Renaming.find(ast, first)
      if (names !== undefined) return struct(ast, names)
    }
    const inner = within(ast, of(last.to), true)
    return inner._tag === "Text" ? withKnownText(inner, ast) : inner
  }

  /** The JSON of `shape`, for what `ast` says about it. */
  const within = (ast: SchemaAST.AST, shape: Shape.Shape, isMade: boolean): Shape.Shape => ({
    ...shape,
    ...(ast._tag === "Suspend" ? {} : { ast }),
    identifier: SchemaAST.resolveIdentifier(ast) ?? shape.identifier,
    descriptions: Arr.dedupe([...descriptionsOf(ast), ...shape.descriptions]),
    constraints: [
      ...Constraint.ofChecks(ast.checks, isMade ? undefined : "object"),
      ...formatOf(ast),
      ...shape.constraints
    ],
    isWhole: isMade || shape.isWhole
  })

  const field = (ast: SchemaAST.AST, key: string, name = key): Shape.Field => {
    const end = lastEncoded(ast)
    return {
      name,
      key,
      shape: of(ast),
      isOptional: end.context?.isOptional === true,
      descriptions: Arr.dedupe([...keyDescriptionOf(ast), ...keyDescriptionOf(end)])
    }
  }

  const struct = (ast: SchemaAST.Objects, names?: ReadonlyMap<string, string>): Shape.Struct => {
    const { indexSignatures, propertySignatures } = ast
    const fields = propertySignatures.flatMap(({ name, type }) => {
      if (typeof name !== "string") throw new Error(`it has the name ${String(name)}, which is no text`)
      const made = field(type, name, names?.get(name))
      return made.isOptional && isNever(made.shape) ? [] : [made]
    })
    const [first, ...others] = indexSignatures
    return {
      ...partOf(ast, "object"),
      _tag: "Struct",
      fields,
      entries: first === undefined ? undefined : {
        key: either([first, ...others].map(({ parameter }) => keyOf(parameter))),
        value: either([first, ...others].map(({ type }) => of(type)))
      }
    }
  }

  /** The name of an entry is a text, whatever it stands for. */
  const keyOf = (parameter: SchemaAST.AST): Shape.Shape => {
    const shape = of(parameter)
    return shape._tag === "Number" ? { ...shape, _tag: "Text", isDuration: false } : shape
  }

  const plain = (ast: SchemaAST.AST): Shape.Shape => {
    switch (ast._tag) {
      case "Objects":
        return struct(ast)
      case "Arrays":
        return list(ast)
      case "Union":
        return union(ast)
      case "Declaration":
        return declared(ast)
      case "Suspend":
        return {
          ...partOf(ast),
          _tag: "Suspended",
          target: lazy(() => of(ast.thunk()))
        }
      case "String": {
        const part = partOf(ast, "string")
        return { ...part, constraints: [...part.constraints, ...expectedOf(ast)], _tag: "Text", isDuration: false }
      }
      case "TemplateLiteral":
        return { ...withFormat(ast, templatePattern(ast)), _tag: "Text", isDuration: false, isWhole: true }
      case "Number": {
        const part = partOf(ast, "number")
        const isInteger = part.constraints.some(({ keywords }) => keywords["type"] === "integer")
        return { ...part, _tag: "Number", isInteger, isWhole: true }
      }
      case "Boolean":
        return { ...partOf(ast), _tag: "Boolean", isWhole: true }
      case "Null":
        return { ...partOf(ast), _tag: "Null", isValue: true }
      case "Undefined":
      case "Void":
        return { ...partOf(ast), _tag: "Null", isValue: false, isWhole: true }
      case "Literal": {
        const { literal } = ast
        return {
          ...partOf(ast),
          _tag: "Literals",
          values: [typeof literal === "bigint" ? String(literal) : literal],
          isWhole: true
        }
      }
      case "Enum":
        return { ...partOf(ast), _tag: "Literals", values: ast.enums.map(([_, value]) => value), isWhole: true }
      case "BigInt":
        return { ...withFormat(ast, { pattern: "^-?\\d+$" }), _tag: "Text", isDuration: false, isWhole: true }
      case "Symbol":
        return { ...withFormat(ast, { pattern: "^Symbol\\(.*\\)$" }), _tag: "Text", isDuration: false, isWhole: true }
      case "UniqueSymbol":
        return { ...partOf(ast), _tag: "Literals", values: [String(ast.symbol)], isWhole: true }
      case "Never":
        return { ...partOf(ast), _tag: "Union", members: [] }
      default:
        return { ...partOf(ast), _tag: "Anything", isJson: true, isWhole: true }
    }
  }

  const list = (ast: SchemaAST.Arrays): Shape.Shape => {
    const [rest, ...tail] = ast.rest
    if (ast.elements.length === 0 && tail.length === 0 && rest !== undefined) {
      return { ...partOf(ast, "array"), _tag: "List", item: of(rest), keepsFitting: keepsFitting(ast) }
    }
    return {
      ...partOf(ast),
      _tag: "Tuple",
      elements: ast.elements.map((element, index) => field(element, String(index), `item${index + 1}`)),
      rest: rest === undefined ? undefined : of(rest),
      tail: tail.map((element, index) => field(element, String(index), `last${index + 1}`))
    }
  }

  const union = (ast: SchemaAST.Union): Shape.Shape => {
    const types = ast.types.map(of)
    // Where null may be two things, only the tagged form of an option tells which.
    const isTold = types.filter(Shape.admitsNull).length < 2
    const shape = either(
      isTold ? types : types.map((type, index) => type._tag === "Maybe" ? tagged(type, ast.types[index]) : type)
    )
    const own = partOf(ast)
    if (shape._tag === "Union") return { ...own, _tag: "Union", members: shape.members }
    return ast.types.length > 1 && shape._tag === "Literals"
      ? { ...own, _tag: "Literals", values: shape.values, isWhole: true }
      : within(ast, shape, false)
  }

  const tagged = (option: Shape.Maybe, ast: SchemaAST.AST | undefined): Shape.Shape => {
    const link = ast !== undefined && SchemaAST.isDeclaration(ast) && ast.encoding === undefined
      ? linkOf(ast)
      : undefined
    return ast !== undefined && SchemaAST.isAST(link) ? within(ast, of(link), true) : option
  }

  const declared = (ast: SchemaAST.Declaration): Shape.Shape => {
    const [parameter] = ast.typeParameters
    const id = idOf(ast)
    if (id === "effect/schema/Option" && parameter !== undefined) {
      const value = of(parameter)
      // Where the value may be null itself, only the tagged form tells it from none. It may also be in itself.
      if (value._tag !== "Suspended" && !Shape.admitsNull(value)) return { ...partOf(ast), _tag: "Maybe", value }
    }
    if (id === "effect/schema/Duration") {
      return { ...withFormat(ast, { format: "duration" }), _tag: "Text", isDuration: true, isWhole: true }
    }
    const link = linkOf(ast)
    if (!SchemaAST.isAST(link)) return { ...partOf(ast), _tag: "Anything", isJson: link === "itself", isWhole: true }
    const inner = within(ast, of(link), !isClass(ast))
    if (inner._tag === "Text") return withKnownText(inner, ast)
    return isMap(id) ? withEntryNames(inner) : inner
  }

  return of(root)
}

/** What copies of a schema share. */
const bodyOf = (ast: SchemaAST.AST): unknown => {
  switch (ast._tag) {
    case "Objects":
      return ast.propertySignatures
    case "Arrays":
      return ast.elements.length === 0 ? ast.rest : ast.elements
    case "Union":
      return ast.types
    case "Declaration":
      return ast.typeParameters
    default:
      return ast
  }
}

const isSame = (a: SchemaAST.AST, b: SchemaAST.AST): boolean =>
  a._tag === b._tag && a.annotations === b.annotations && a.checks === b.checks &&
  a.encoding?.length === b.encoding?.length &&
  (a.encoding ?? []).every((link, index) => link.transformation === b.encoding?.[index]?.transformation) &&
  (!SchemaAST.isObjects(a) || !SchemaAST.isObjects(b) || a.indexSignatures === b.indexSignatures) &&
  (!SchemaAST.isArrays(a) || !SchemaAST.isArrays(b) || a.rest === b.rest)

/** What is larger than this has probably no end. */
const maxParts = 20_000

const isNever = (shape: Shape.Shape): boolean => shape._tag === "Union" && shape.members.length === 0

/** One shape for several; equal ones once, and all literals together. */
const either = (shapes: ReadonlyArray<Shape.Shape>): Shape.Shape => {
  const members: Array<Shape.Shape> = []
  const add = (shape: Shape.Shape): void => {
    const isBare = shape.identifier === undefined && shape.descriptions.length === 0 && shape.constraints.length === 0
    if (shape._tag === "Union" && isBare) return shape.members.forEach(add)
    const at = members.findIndex((other) =>
      isBare && other._tag === shape._tag && other.identifier === undefined && other.descriptions.length === 0 &&
      (other._tag === "Null" || other._tag === "Boolean" || other._tag === "Literals" || other === shape)
    )
    const other = members[at]
    if (other?._tag === "Literals" && shape._tag === "Literals") {
      members[at] = { ...other, values: Arr.dedupe([...other.values, ...shape.values]) }
    } else if (other?._tag === "Null" && shape._tag === "Null") {
      members[at] = { ...other, isValue: other.isValue || shape.isValue }
    } else if (other === undefined) members.push(shape)
  }
  shapes.forEach(add)
  const [first] = members
  if (first !== undefined && members.length === 1) return first
  return {
    _tag: "Union",
    members,
    ast: SchemaAST.never,
    identifier: undefined,
    descriptions: [],
    constraints: [],
    isWhole: false
  }
}

/** A text that stands for something, and how that is written if it is not said yet. */
const withKnownText = (shape: Shape.Text, ast: SchemaAST.AST): Shape.Text => {
  const known = Constraint.sayMore(shape.constraints) ? [] : KnownText.of(ast)
  const others = known.length === 0 ? shape.constraints : shape.constraints.filter(({ isGuess }) => isGuess !== true)
  return { ...shape, constraints: [...known, ...others], isWhole: true }
}

/** What Effect expects of a text; a guess, because it may only say what becomes of it. */
const expectedOf = ({ annotations }: SchemaAST.AST): ReadonlyArray<Constraint.Constraint> => {
  const expected = annotations?.["expected"]
  return typeof expected === "string"
    ? [{ keywords: {}, words: expected, isGuess: true }]
    : []
}

const partOf = (ast: SchemaAST.AST, type?: "string" | "number" | "array" | "object"): Shape.Part => ({
  ast,
  identifier: SchemaAST.resolveIdentifier(ast),
  descriptions: descriptionsOf(ast),
  constraints: [...Constraint.ofChecks(ast.checks, type), ...formatOf(ast)],
  isWhole: false
})

const withFormat = (ast: SchemaAST.AST, keywords: Constraint.Constraint["keywords"]): Shape.Part => {
  const part = partOf(ast)
  return { ...part, constraints: [{ keywords, words: undefined }, ...part.constraints] }
}

const formatAt = SchemaAST.resolveAt<unknown>("format")

const formatOf = (ast: SchemaAST.AST): ReadonlyArray<Constraint.Constraint> => {
  const format = ast.annotations?.["format"] ?? formatAt(ast)
  if (typeof format !== "string") return []
  // Strict mode does not know this format, but a pattern that says the same.
  const keywords = format === "byte" ? { pattern: base64 } : { format }
  return [{ keywords, words: `a text with the format ${format}` }]
}

const base64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

const textsOf = (u: unknown): ReadonlyArray<string> => typeof u === "string" && u !== "" ? [u] : []

const descriptionsOf = ({ annotations, checks }: SchemaAST.AST): ReadonlyArray<string> =>
  Arr.dedupe([
    ...textsOf(annotations?.["description"]),
    ...checks?.flatMap(({ annotations }) => textsOf(annotations?.description)) ?? []
  ])

const keyDescriptionOf = ({ context }: SchemaAST.AST): ReadonlyArray<string> =>
  textsOf(context?.annotations?.description)

const lastEncoded = (ast: SchemaAST.AST): SchemaAST.AST =>
  ast.encoding === undefined ? ast : lastEncoded(Arr.lastNonEmpty(ast.encoding).to)

const isClass = ({ annotations }: SchemaAST.Declaration): boolean => Predicate.hasProperty(annotations, "~constructor")

const idOf = ({ annotations }: SchemaAST.Declaration): unknown => {
  const representation = annotations?.["representation"]
  return Predicate.hasProperty(representation, "id") ? representation.id : undefined
}

const isMap = (id: unknown): boolean => id === "effect/schema/ReadonlyMap" || id === "effect/schema/HashMap"

/** The places of an entry have names that say what they are. */
const withEntryNames = (shape: Shape.Shape): Shape.Shape => {
  if (shape._tag !== "List" || shape.item._tag !== "Tuple") return shape
  const names = ["key", "value"]
  const elements = shape.item.elements.map((element, index) => ({ ...element, name: names[index] ?? element.name }))
  return { ...shape, item: { ...shape.item, elements } }
}

/** The part whose JSON a declared value has, or that it is JSON itself; `undefined` if nobody said so. */
const linkOf = (ast: SchemaAST.Declaration): SchemaAST.AST | "itself" | undefined => {
  const getLink = ast.annotations?.["toCodecJson"] ?? ast.annotations?.["toCodec"]
  if (!Predicate.isFunction(getLink)) return undefined
  const link: unknown = getLink(ast.typeParameters.map((parameter) => Schema.make(parameter)))
  if (link === undefined) return "itself"
  return Predicate.hasProperty(link, "to") && SchemaAST.isAST(link.to) ? link.to : undefined
}

const templatePattern = (ast: SchemaAST.TemplateLiteral): Constraint.Constraint["keywords"] => {
  const { schema } = Schema.toJsonSchemaDocument(Schema.make(ast))
  return typeof schema["pattern"] === "string" ? { pattern: schema["pattern"] } : {}
}
