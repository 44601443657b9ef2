/**
 * A store which keeps at least the newest entries and never grows without end.
 *
 * Two maps take turns: when the current one is full it becomes the previous one, and what was previous is forgotten. So
 * at least `capacity` and at most twice as many entries are kept, at constant cost per entry.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"

/**
 * Entries by key; the newest `capacity` of them are always there.
 *
 * @since 0.1.0
 */
export interface Recent<A> {
  readonly capacity: number
  readonly current: HashMap.HashMap<string, A>
  readonly previous: HashMap.HashMap<string, A>
}

/**
 * An empty store.
 *
 * @since 0.1.0
 */
export const make = <A>(capacity: number): Recent<A> => ({
  capacity,
  current: HashMap.empty(),
  previous: HashMap.empty()
})

/**
 * The entry of a key, or `undefined` when there was none or it was forgotten.
 *
 * @since 0.1.0
 */
export const get = <A>(self: Recent<A>, key: string): A | undefined =>
  Option.getOrUndefined(Option.orElse(HashMap.get(self.current, key), () => HashMap.get(self.previous, key)))

/**
 * The store with one entry added or replaced; it counts as the newest.
 *
 * @since 0.1.0
 */
export const set = <A>(self: Recent<A>, key: string, value: A): Recent<A> => {
  const current = HashMap.set(self.current, key, value)
  return HashMap.size(current) < self.capacity
    ? { ...self, current }
    : { ...self, current: HashMap.empty(), previous: current }
}
