/**
 * Texts that are more than words: by their `format`, and where a schema has none, by what its description or the name of the
 * member says.
 *
 * Schemas for structured answers lose most formats and patterns on their way, as providers do not take them; what is left of
 * them is prose such as "a string that will be decoded as a Date". A model reads that, and so does this.
 *
 * @since 0.1.0
 */
import * as Draw from "./Draw.ts"
import * as Pattern from "./Pattern.ts"
import * as Text from "./Text.ts"

/**
 * The limits of a text's length.
 *
 * @since 0.1.0
 */
export interface Limits {
  readonly minimum: number
  readonly maximum: number
}

const digits = (draw: Draw.Draw, minimum: number, maximum: number, length = 2): string =>
  String(Draw.integer(draw, minimum, maximum)).padStart(length, "0")

/**
 * A text of a format of JSON Schema; `undefined` for one that is not known.
 *
 * @since 0.1.0
 */
export const formatted = (format: string, draw: Draw.Draw): string | undefined => {
  const part = (name: string, minimum: number, maximum: number, length?: number) =>
    digits(Draw.child(draw, name), minimum, maximum, length)
  const date = `${part("year", 1990, 2029, 4)}-${part("month", 1, 12)}-${part("day", 1, 28)}`
  const time = `${part("hour", 0, 23)}:${part("minute", 0, 59)}:${part("second", 0, 59)}Z`
  const hex = (name: string, length: number) =>
    Array.from({ length }, (_, i) => Draw.integer(Draw.child(draw, `${name}${i}`), 0, 15).toString(16)).join("")
  switch (format) {
    case "date-time":
      return `${date}T${time}`
    case "date":
      return date
    case "time":
      return time
    case "duration":
      return `PT${part("minutes", 1, 90, 1)}M`
    case "email":
    case "idn-email":
      return `${Text.word(draw)}@example.com`
    case "hostname":
    case "idn-hostname":
      return `${Text.word(draw)}.example.com`
    case "uri":
    case "iri":
    case "url":
      return `https://example.com/${Text.word(draw)}`
    case "uri-reference":
      return `/${Text.word(draw)}`
    case "ipv4":
      return `192.0.2.${part("host", 1, 254, 1)}`
    case "ipv6":
      return `2001:db8::${hex("host", 4)}`
    case "uuid":
      return `${hex("a", 8)}-${hex("b", 4)}-4${hex("c", 3)}-a${hex("d", 3)}-${hex("e", 12)}`
    case "regex":
      return `^${Text.word(draw)}$`
    case "json-pointer":
      return `/${Text.word(draw)}`
    default:
      return undefined
  }
}

/** What a text stands for, by how that begins. */
const described: ReadonlyArray<readonly [begins: RegExp, text: (draw: Draw.Draw) => string | undefined]> = [
  [/^(?:zoned DateTime|DateTime\.Zoned|date and time with its zone)\b/i, (draw) => zoned(draw)],
  [/^(?:Date\b|DateTime\.Utc|date-?time|ISO[ -]?8601|RFC ?3339|timestamp)/, (draw) => formatted("date-time", draw)],
  [/^(?:calendar )?date\b/, (draw) => formatted("date", draw)],
  [/^(?:IANA )?time ?zone\b/i, () => "Europe/Zurich"],
  [/^duration\b/i, (draw) => `${Draw.integer(draw, 1, 90)} minutes`],
  [/^(?:valid )?UUID\b/i, (draw) => formatted("uuid", draw)],
  [/^(?:valid )?(?:URL|URI)\b/i, (draw) => formatted("uri", draw)],
  [/^e-?mail address\b/i, (draw) => formatted("email", draw)],
  [/^(?:bigint|integer|whole number)\b/i, (draw) => String(Draw.integer(draw, 1, 100))],
  [
    /^(?:finite |decimal )?(?:number|BigDecimal|decimal)\b(?! of)/i,
    (draw) => String(Draw.integer(draw, 1, 10_000) / 100)
  ],
  [/^boolean\b/i, (draw) => String(Draw.integer(draw, 0, 1) === 1)],
  [/^base64/i, () => "bGFudGVybiE"],
  [/^hex(?:adecimal)?\b/i, (draw) => Draw.integer(draw, 0x1000, 0xffff).toString(16)]
]

/** Where a description comes to what it is about. */
const subject = /(?:\bdecoded as|\brepresenting|\bencoded as|^)\s*an?\s+(.+)/i

const zoned = (draw: Draw.Draw): string => `${formatted("date", draw)}T12:00:00.000+00:00[UTC]`

const named: ReadonlyArray<readonly [name: RegExp, format: string]> = [
  [/(?:[a-z]At|_at|DateTime|_datetime|[tT]imestamp|(?:^|_)date|[a-z]Date)$/, "date-time"],
  [/(?:^|_)(?:url|uri)$|[a-z](?:Url|URL|Uri|URI)$/, "uri"],
  [/(?:^|_)email$|[a-z]Email$/, "email"]
]

/**
 * A text that is as a description says, or else the name of the member that it is for; `undefined` if neither says anything.
 *
 * @since 0.1.0
 */
export const hinted = (
  description: unknown,
  name: string | undefined,
  draw: Draw.Draw,
  limits: Limits
): string | undefined => {
  const fits = (text: string | undefined): text is string =>
    text !== undefined && text.length >= limits.minimum && text.length <= limits.maximum
  if (typeof description === "string") {
    const pattern = patternIn(description, draw, limits)
    if (pattern !== undefined) return pattern
    const about = subject.exec(description.replace(/^an? string (?=that will be|representing)/i, ""))?.[1] ?? ""
    for (const [begins, text] of described) {
      const found = begins.test(about) ? text(draw) : undefined
      if (fits(found)) return found
    }
  }
  const format = name === undefined ? undefined : named.find(([pattern]) => pattern.test(name))?.[1]
  const found = format === undefined ? undefined : formatted(format, draw)
  return fits(found) ? found : undefined
}

/** A text that matches the regular expression which is quoted at the end of a sentence, or before an "and". */
const patternIn = (description: string, draw: Draw.Draw, limits: Limits): string | undefined => {
  const quoted = /\bmatching the (?:RegExp|regular expression|pattern) (.+)$/i.exec(description)?.[1]
  if (quoted === undefined) return undefined
  const ends = [quoted.length, ...Array.from(quoted.matchAll(/ and a /g), ({ index }) => index).reverse()]
  for (const end of ends) {
    const pattern = quoted.slice(0, end).replace(/^\/(.*)\/[a-z]*$/, "$1")
    const found = Pattern.generate(pattern, draw, limits)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The limits of a length, as keywords and the description tell them.
 *
 * @since 0.1.0
 */
export const lengthIn = (description: unknown, { maximum, minimum }: Limits): Limits => {
  if (typeof description !== "string") return { minimum, maximum }
  const told = (pattern: RegExp): number | undefined => {
    const found = pattern.exec(description)?.[1]
    return found === undefined ? undefined : Number(found)
  }
  const exact = told(/\blength of (\d+)\b/)
  return {
    minimum: Math.max(minimum, exact ?? told(/\blength of at least (\d+)/) ?? told(/\blength between (\d+)/) ?? 0),
    maximum: Math.min(
      maximum,
      exact ?? told(/\blength of at most (\d+)/) ?? told(/\blength between \d+ and (\d+)/) ?? Infinity
    )
  }
}
