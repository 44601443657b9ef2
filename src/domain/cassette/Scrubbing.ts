/**
 * What must not get into a cassette: keys, and whose account it was.
 *
 * @since 0.1.0
 */
import * as BodyText from "./BodyText.ts"

/**
 * Cuts something out of a text. It is given whole bodies, and the lines of a stream one by one.
 *
 * @since 0.1.0
 */
export type Scrub = (text: string) => string

const secrets: ReadonlyArray<readonly [pattern: RegExp, replacement: string]> = [
  // Keys of OpenRouter, also those that are shown in part, and what goes by the name of a bearer.
  [/sk-or-[A-Za-z0-9_-]+(?:\.{3}|…)?[A-Za-z0-9]*/g, "<key>"],
  [/\b(Bearer\s+)[A-Za-z0-9._~+/=-]{8,}/gi, "$1<key>"],
  // What goes on to another server, such as that of an MCP tool: its authorization and the headers that hold one.
  [
    /("(?:(?:proxy-)?authorization|(?:set-)?cookie|(?:[\w-]*[-_])?(?:api[-_]?key|(?:access|auth)[-_]token))"\s*:\s*)"(?!Bearer <key>")(?:[^"\\]|\\.)*"/gi,
    "$1\"<key>\""
  ],
  [
    /("(?:user_id|creator_user_id|account_id|org_id|organization_id|workspace_id|created_by|api_key_hash)"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|\d+)/g,
    "$1\"<account>\""
  ]
]

/**
 * Cuts out keys, those for other servers included, and the ids of accounts, users and workspaces.
 *
 * @since 0.1.0
 */
export const standard: Scrub = (text) =>
  secrets.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), text)

/**
 * A chunk of bytes, and when it came.
 *
 * @since 0.1.0
 */
export interface Timed {
  readonly at: number | undefined
  readonly bytes: Uint8Array
}

/**
 * Scrubs a stream. Chunks stay as they are, but for lines that change: such a line is moved as a whole to the chunk in which
 * it ends, as a secret may be in two chunks.
 *
 * @since 0.1.0
 */
export const stream = (chunks: ReadonlyArray<Timed>, scrub: Scrub): ReadonlyArray<Timed> => {
  const lines = new LineWriter(scrub)
  for (const chunk of chunks) lines.add(chunk)
  return lines.end()
}

const newline = 10

class LineWriter {
  readonly #scrub: Scrub
  readonly #done: Array<{ readonly at: number | undefined; parts: Array<Uint8Array> }> = []
  /** The pieces of the line that goes on, by the chunks in which they are. */
  #line: Array<{ readonly chunk: number; readonly bytes: Uint8Array }> = []

  constructor(scrub: Scrub) {
    this.#scrub = scrub
  }

  add({ at, bytes }: Timed): void {
    const chunk = this.#done.push({ at, parts: [] }) - 1
    let start = 0
    for (let index = bytes.indexOf(newline); index !== -1; index = bytes.indexOf(newline, start)) {
      this.#line.push({ chunk, bytes: bytes.subarray(start, index + 1) })
      this.#flush()
      start = index + 1
    }
    if (start < bytes.length) this.#line.push({ chunk, bytes: bytes.subarray(start) })
  }

  end(): ReadonlyArray<Timed> {
    this.#flush()
    return this.#done.flatMap(({ at, parts }) => {
      const bytes = joined(parts)
      return bytes.length === 0 ? [] : [{ at, bytes }]
    })
  }

  #flush(): void {
    const line = this.#line
    const last = line.at(-1)
    if (last === undefined) return
    this.#line = []
    const text = BodyText.decoded(joined(line.map(({ bytes }) => bytes)))
    // What is no text, such as a line that was cut off in a character, can be searched all the same.
    const shown = text ?? new TextDecoder().decode(joined(line.map(({ bytes }) => bytes)))
    const scrubbed = this.#scrub(shown)
    if (scrubbed === shown) {
      for (const { bytes, chunk } of line) this.#done[chunk]?.parts.push(bytes)
    } else {
      this.#done[last.chunk]?.parts.push(new TextEncoder().encode(scrubbed))
    }
  }
}

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}
