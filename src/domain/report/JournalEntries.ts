/**
 * The calls of a journal as bookings of a ledger, so that both can be shown alike.
 *
 * A journal stores how whole calls ended, and when they were begun: their attempts are summed up, and a wait is a part of the
 * duration. What was in flight when a process died is of unknown cost.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as JournalLine from "../journal/JournalLine.ts"
import type * as LedgerEntry from "../ledger/LedgerEntry.ts"
import * as Costs from "../outcome/Costs.ts"
import * as Wire from "../wire/Wire.ts"

interface Run {
  readonly started: Map<string, JournalLine.Started>
  readonly ended: Map<string, LedgerEntry.Entry>
}

/** What all attempts of a call cost, as far as is known. */
const costsOf = ({ answer, cost }: JournalLine.Ended): Costs.Costs => {
  const last = answer._tag === "Outcome"
    ? Costs.ofOutcome(answer.outcome)
    : answer._tag === "Error"
    ? Costs.ofError(answer.error)
    : { ...Costs.zero, calls: 1 }
  return cost === undefined ? last : { ...last, cost, unknown: 0 }
}

const entryOf = (line: JournalLine.Ended, started: JournalLine.Started | undefined): LedgerEntry.Entry => {
  const { call, cost, generationId, key, model, outcome, run, scopes, time } = line
  const usage = line.answer._tag === "Outcome" ? line.answer.outcome.usage : undefined
  const duration = started === undefined
    ? undefined
    : Duration.millis(Math.max(0, DateTime.toEpochMillis(time) - DateTime.toEpochMillis(started.time)))
  return {
    _tag: "Entry",
    id: `${run}/${key}`,
    time,
    scopes: [run, ...scopes],
    tags: {},
    call,
    outcome,
    costs: costsOf(line),
    ...Wire.compact({ cost, generationId, model, usage, duration })
  }
}

const inFlight = ({ call, key, model, run, scopes, time }: JournalLine.Started): LedgerEntry.Entry => ({
  _tag: "Entry",
  id: `${run}/${key}`,
  time,
  scopes: [run, ...scopes],
  tags: {},
  call,
  outcome: "Interrupted",
  costs: Costs.interrupted,
  ...Wire.compact({ model })
})

/**
 * The bookings of the lines of a journal, those of each run in a scope of its name. Runs that were forgotten are left out.
 *
 * @since 0.1.0
 */
export const make = (lines: Iterable<JournalLine.JournalLine>): ReadonlyArray<LedgerEntry.Entry> => {
  const runs = new Map<string, Run>()
  for (const line of lines) {
    if (line._tag === "Forgotten") {
      runs.delete(line.run)
      continue
    }
    const run = runs.get(line.run) ?? { started: new Map(), ended: new Map() }
    runs.set(line.run, run)
    if (line._tag === "Started") run.started.set(line.key, line)
    else if (line._tag === "Ended") {
      run.ended.set(line.key, entryOf(line, run.started.get(line.key)))
      run.started.delete(line.key)
    }
  }
  return Array.from(runs.values()).flatMap(({ ended, started }) => [
    ...ended.values(),
    ...Array.from(started.values(), inFlight)
  ])
}
