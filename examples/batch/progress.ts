/** How far a batch is: a bar that moves on a terminal, plain lines elsewhere. */
import { Effect, Stream } from "effect"
import { Batch } from "effect-openrouter"

/** Where progress is shown. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly write: (text: string) => unknown
}

/** Lines that say how far it is come after each tenth, and at the end. */
const isNews = (last: number, progress: Batch.Progress): boolean =>
  progress.isOver || last === -1 || progress.ended - last >= (progress.total ?? 1000) / 10

export const show = (screen: Screen): Batch.Reader<never> =>
  screen.isTTY === true
    ? Stream.runForEach((progress) =>
      Effect.sync(() => {
        const bar = Batch.toBar(progress, { columns: screen.columns ?? 80 })
        // Back to the beginning of the line, and nothing left of what was longer.
        screen.write(`\r${bar}\u001B[K${progress.isOver ? "\n" : ""}`)
      })
    )
    : (progress) => {
      let last = -1
      return Stream.runForEach(progress, (progress) =>
        Effect.sync(() => {
          if (!isNews(last, progress)) return
          last = progress.ended
          screen.write(`${Batch.toLine(progress)}\n`)
        }))
    }
