/**
 * A stream that is made when it is read.
 *
 * Most answers are read as text and nobody asks for their chunks. `Stream.suspend` keeps a weak table and makes three
 * objects with methods of their own, which the garbage collector carries along from call to call.
 *
 * @since 0.1.0
 */
import { pipeArguments } from "effect/Pipeable"
import * as Stream from "effect/Stream"

class LazyStream<A, E> implements Stream.Stream<A, E> {
  readonly #make: () => Stream.Stream<A, E>

  constructor(make: () => Stream.Stream<A, E>) {
    this.#make = make
  }

  get [Stream.TypeId](): Stream.Stream<A, E>[typeof Stream.TypeId] {
    return this.#make()[Stream.TypeId]
  }

  get channel(): Stream.Stream<A, E>["channel"] {
    return this.#make().channel
  }

  pipe() {
    return pipeArguments(this, arguments)
  }
}

/**
 * Makes a stream by a function that is called whenever the stream is read.
 *
 * @since 0.1.0
 */
export const make = <A, E>(make: () => Stream.Stream<A, E>): Stream.Stream<A, E> => new LazyStream(make)
