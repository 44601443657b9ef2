/**
 * Faults on the way to any server: some exchanges go wrong, by chance or by script, and the program has to cope.
 *
 * A layer over a `Transport`, the seam below the client, so checks, retries, gates and budgets meet a fault as they would
 * meet a real one. It knows all that the emulator can do: a reply of the emulator is made in place of the server's, without
 * sending anything; or the real exchange takes place, and is damaged.
 *
 * **Example** (A rough day: one call in twenty is refused at the door, one in fifty breaks off)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { OpenRouter, Transport } from "effect-openrouter"
 * import { Faults } from "effect-openrouter/testing"
 *
 * const rough = Faults.layer({
 *   seed: 7,
 *   faults: [
 *     { probability: 0.05, fault: "emulator/status-429" },
 *     { probability: 0.02, fault: Faults.reset({ events: 5 }) },
 *     { when: { textIncludes: "Bob", attempt: 1 }, fault: Faults.Reply.failure(503, { retryAfter: "2 seconds" }) }
 *   ]
 * })
 *
 * export const layer = OpenRouter.layerTransport.pipe(
 *   Layer.provideMerge(rough),
 *   Layer.provide(Transport.layerFetch({ apiKey: undefined }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as FaultPlan from "../../domain/emulator/FaultPlan.ts"
import type { Reply } from "../../domain/emulator/Reply.ts"
import type { Position } from "../../domain/emulator/Streaming.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import { CurrentScopes } from "../../services/Place.ts"
import { Faults, type Injected } from "../../services/testing/Faults.ts"
import { type Answer, makeHttp, type Request, Transport } from "../Transport.ts"
import * as Emulator from "./Emulator.ts"
import * as Damaging from "./faults/Damaging.ts"

export type { Damage, Fault, FaultCall, FaultPlan, FaultRule } from "../../domain/emulator/FaultPlan.ts"
export * as Reply from "../../domain/emulator/Reply.ts"
export * from "../../services/testing/Faults.ts"

/**
 * The answer comes so much later.
 *
 * @since 0.1.0
 */
export const late = (by: Duration.Input): FaultPlan.Damage => ({ _tag: "Late", by })

/**
 * The request arrives and is paid for, and the connection breaks before its answer comes.
 *
 * @since 0.1.0
 */
export const lost: FaultPlan.Damage = { _tag: "Lost" }

/**
 * Of a body in one piece only this share comes, from 0 to 1. Streams are left as they are.
 *
 * @since 0.1.0
 */
export const truncated = (keep: number): FaultPlan.Damage => ({ _tag: "Truncated", keep })

/**
 * A stream ends there, as if that were all. Other answers are left as they are.
 *
 * @since 0.1.0
 */
export const cut = (after: Position): FaultPlan.Damage => ({ _tag: "Broken", ending: { _tag: "Cut", after } })

/**
 * The connection breaks there, in the middle of a stream. Other answers are left as they are.
 *
 * @since 0.1.0
 */
export const reset = (after: Position): FaultPlan.Damage => ({ _tag: "Broken", ending: { _tag: "Reset", after } })

/**
 * From there on no event of a stream comes any more, only comments at that pace (default one second), or nothing at all.
 *
 * @since 0.1.0
 */
export const stall = (after: Position, comments: Duration.Input | "none" = "1 second"): FaultPlan.Damage => ({
  _tag: "Broken",
  ending: { _tag: "Stall", after, comments }
})

/**
 * A stream comes in chunks of so many bytes, wherever that splits.
 *
 * @since 0.1.0
 */
export const rechunked = (bytes: number): FaultPlan.Damage => ({ _tag: "Rechunked", bytes })

/** How many faults are remembered. */
const remembered = 1000

/**
 * The transport with the faults of a plan. Dies where the plan names a fault that does not exist.
 *
 * @since 0.1.0
 */
export const layer = (plan: FaultPlan.FaultPlan): Layer.Layer<Transport | Faults, never, Transport> =>
  Layer.fresh(Layer.effectContext(Effect.gen(function*() {
    const unknown = FaultPlan.unknownName(plan)
    if (unknown !== undefined) return yield* Effect.die(new Error(`there is no fault of the name '${unknown}'`))
    const transport = yield* Transport
    const progress = yield* Ref.make(FaultPlan.begin(plan))
    const injected = yield* Ref.make<ReadonlyArray<Injected>>([])
    const sent = (request: Request, onSent: Effect.Effect<void>) =>
      transport.announcesSending === true
        ? transport.send(request, onSent)
        : Effect.andThen(onSent, transport.send(request, onSent))
    const faulty: Transport["Service"] = {
      ...transport,
      announcesSending: true,
      send: (request, onSent) =>
        Effect.gen(function*() {
          const scopes = yield* CurrentScopes
          const chosen = yield* Ref.modify(
            progress,
            (current) => FaultPlan.choose(plan, current, { ...request, scopes })
          )
          if (chosen === undefined) return yield* sent(request, onSent)
          const { call, fault } = chosen
          yield* Ref.update(injected, (all) => [...all.slice(1 - remembered), { call, fault }])
          return FaultPlan.isDamage(fault)
            ? yield* Effect.flatMap(sent(request, onSent), (answer) => Damaging.damage(answer, fault))
            : yield* Effect.andThen(onSent, emulated(request, fault, call.path, chosen.seed))
        })
    }
    return Context.make(Transport, faulty).pipe(Context.add(Faults, { injected: Ref.get(injected) }))
  })))

/** Lets an emulator of its own answer, so that nothing of one fault is left for the next. */
const emulated = (
  request: Request,
  reply: Reply,
  path: string,
  seed: number
): Effect.Effect<Answer, RequestError, Scope.Scope> =>
  Effect.gen(function*() {
    const { client } = yield* Emulator.make({ seed, rules: [{ when: { path }, reply }] })
    const transport = yield* Effect.provideService(makeHttp(settings), HttpClient.HttpClient, client)
    return yield* transport.send(request, Effect.void)
  })

const settings = { apiKey: Redacted.make("faults"), apiUrl: "http://faults.invalid/api/v1" }
