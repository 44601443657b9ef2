/** The town: where things happen, and who lives there. Change it as you like. */

export interface Place {
  readonly name: string
  readonly about: string
}

export interface Person extends Place {
  /** The name of the place where they are. */
  readonly place: string
  /** What they remember, latest last. */
  readonly memories: ReadonlyArray<string>
}

export const places: ReadonlyArray<Place> = [
  { name: "the harbour", about: "a stone pier, six boats, and a crane that has not moved for years" },
  { name: "the market", about: "a cobbled square with a dry fountain and eleven stalls" },
  { name: "the mill", about: "a watermill above the weir, always a little behind with its orders" },
  { name: "the inn", about: "the Drowned Lantern: low beams, good soup, and thin walls" }
]

export const people: ReadonlyArray<Person> = [
  { name: "Ada", about: "the harbour master, who counts everything twice", place: "the harbour", memories: [] },
  { name: "Bram", about: "the miller, who owes money to half the town", place: "the mill", memories: [] },
  { name: "Celia", about: "the innkeeper, who hears more than she tells", place: "the inn", memories: [] },
  { name: "Dov", about: "a fisherman, who will not say what he found at sea", place: "the harbour", memories: [] },
  { name: "Edda", about: "the letter carrier, who reads the postcards", place: "the market", memories: [] },
  { name: "Finn", about: "the baker's apprentice, who means to leave by spring", place: "the mill", memories: [] },
  { name: "Greta", about: "the only guard, who would rather paint", place: "the market", memories: [] },
  { name: "Hugo", about: "a pedlar, who has been here before under another name", place: "the inn", memories: [] }
]

/** So many people: those above, and their namesakes when there are not enough of them. */
export const peopleOf = (count: number): ReadonlyArray<Person> =>
  Array.from(
    { length: Math.ceil(count / people.length) },
    (_, round) => round === 0 ? people : people.map((person) => ({ ...person, name: `${person.name} ${round + 1}` }))
  ).flat().slice(0, count)
