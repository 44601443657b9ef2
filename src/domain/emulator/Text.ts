/**
 * The sentences the emulated models say: plain, short, and the same for the same draw.
 *
 * @since 0.1.0
 */
import * as Draw from "./Draw.ts"

const subjects: ReadonlyArray<string> = [
  "the miller",
  "a quiet traveller",
  "the old harbour",
  "every lantern",
  "the market crowd",
  "one of the guards",
  "the river",
  "a grey heron",
  "the baker's apprentice",
  "the council"
]

const verbs: ReadonlyArray<string> = [
  "watches",
  "remembers",
  "follows",
  "avoids",
  "mends",
  "carries",
  "questions",
  "welcomes",
  "measures",
  "answers"
]

const objects: ReadonlyArray<string> = [
  "the narrow bridge",
  "a letter without a name",
  "the last cart of grain",
  "an uncertain promise",
  "the eastern gate",
  "two silver coins",
  "the evening bell",
  "a map of the valley",
  "the neighbour's dog",
  "a rumour from the coast"
]

const endings: ReadonlyArray<string> = [
  "before dawn",
  "without a word",
  "for the third time",
  "as the rain begins",
  "near the well",
  "while nobody looks",
  "with some care",
  "until the tide turns"
]

const words: ReadonlyArray<string> = [
  "amber",
  "birch",
  "cinder",
  "delta",
  "ember",
  "fable",
  "garnet",
  "harbour",
  "iris",
  "juniper",
  "kettle",
  "lantern",
  "meadow",
  "nettle",
  "orchard",
  "pebble"
]

/**
 * One word in lower case.
 *
 * @since 0.1.0
 */
export const word = (draw: Draw.Draw): string => Draw.pick(draw, words) ?? "amber"

/**
 * One sentence of about 50 characters.
 *
 * @since 0.1.0
 */
export const sentence = (draw: Draw.Draw): string => {
  const part = (name: string, from: ReadonlyArray<string>) => Draw.pick(Draw.child(draw, name), from) ?? ""
  const text = `${part("subject", subjects)} ${part("verb", verbs)} ${part("object", objects)} ${
    part("ending", endings)
  }.`
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/**
 * `minimum` to `maximum` sentences, separated by spaces; two to five when nothing is said.
 *
 * @since 0.1.0
 */
export const paragraph = (draw: Draw.Draw, minimum = 2, maximum = 5): string =>
  Array.from(
    { length: Draw.integer(Draw.child(draw, "length"), minimum, maximum) },
    (_, index) => sentence(Draw.child(draw, index))
  ).join(" ")

/**
 * The tokens of a text: four characters each, rounded up.
 *
 * This is the estimate the emulator bills by; real tokenizers differ.
 *
 * @since 0.1.0
 */
export const tokens = (text: string): number => Math.ceil(text.length / 4)
