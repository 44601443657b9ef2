/**
 * The lanes of a gate by account and model, and the limits that they share.
 *
 * @since 0.1.0
 */
import * as KnownLimit from "../../domain/gate/KnownLimit.ts"
import { Limiter } from "../../domain/gate/Limiter.ts"
import * as Verdict from "../../domain/gate/Verdict.ts"
import type { Call } from "../../services/Admission.ts"
import { Lane } from "./Lane.ts"
import type { Known, Shared } from "./Lane.ts"
import type { Turn } from "./Turns.ts"

const quietMillis = 10 * 60 * 1000
const maxLanes = 1000

/** Accounts that one gate tells apart; a gate that several clients share sees one for each key. */
const maxAccounts = 100

/** A limit that models share, and when a call last had to pass it. */
interface Pool extends Shared<Limiter> {
  usedAt: number
}

interface Account<T extends Turn> {
  readonly name: string
  readonly whole: Pool
  readonly free: Pool
  readonly lanes: Map<string | undefined, Lane<T>>
  readonly endpoints: Lane<T>
  usedAt: number
}

/**
 * The lanes of a gate.
 *
 * @since 0.1.0
 */
export class Lanes<T extends Turn> {
  readonly known: ReadonlyArray<Known<T>>
  readonly #accounts = new Map<string, Account<T>>()
  #size = 0

  constructor(known: ReadonlyArray<KnownLimit.Options>) {
    this.known = known.map((options) => ({
      limit: new KnownLimit.KnownLimit(options),
      waiting: 0,
      keeps: new Set()
    }))
  }

  /** The lane of a call. */
  of(call: Call, now: number): Lane<T> {
    const account = this.#account(call.account, now)
    if (!call.isBillable) return account.endpoints
    const key = keyOf(call)
    const known = account.lanes.get(key)
    const lane = known !== undefined && now - known.usedAt < quietMillis
      ? known
      : this.#renewed(account, key, known)
    lane.usedAt = now
    const { free, whole } = account
    if (now - whole.usedAt >= quietMillis) this.#renew(account, whole, now)
    whole.usedAt = now
    if (lane.free === undefined) return lane
    if (now - free.usedAt >= quietMillis) this.#renew(account, free, now)
    free.usedAt = now
    return lane
  }

  /** A limit that models share forgets what it learned long ago, too. */
  #renew(account: Account<T>, pool: Pool, now: number): void {
    if (pool.waiting > 0) return
    for (const lane of account.lanes.values()) {
      if (lane.inFlight > 0 && (lane.free === pool || lane.whole === pool)) return
    }
    pool.limit.forget(now)
  }

  *[Symbol.iterator](): Generator<Lane<T>> {
    for (const account of this.#accounts.values()) {
      yield account.endpoints
      yield* account.lanes.values()
    }
  }

  /** The limits that models share, with the account that they belong to. */
  *shared(): Generator<
    { readonly account: string; readonly reach: "free" | "account"; readonly shared: Shared<Limiter> }
  > {
    for (const { free, name, whole } of this.#accounts.values()) {
      yield { account: name, reach: "free", shared: free }
      yield { account: name, reach: "account", shared: whole }
    }
  }

  #account(name: string, now: number): Account<T> {
    const known = this.#accounts.get(name)
    if (known !== undefined) {
      known.usedAt = now
      return known
    }
    if (this.#accounts.size >= maxAccounts) {
      const oldest = leastUsed(this.#accounts.values(), isIdleAccount)
      if (oldest !== undefined) {
        this.#accounts.delete(oldest.name)
        this.#size -= oldest.lanes.size
      }
    }
    const account: Account<T> = {
      name,
      whole: { limit: new Limiter(true), waiting: 0, usedAt: now },
      free: { limit: new Limiter(true), waiting: 0, usedAt: now },
      lanes: new Map(),
      endpoints: new Lane({
        account: name,
        model: undefined,
        limiter: new Limiter(true),
        free: undefined,
        whole: undefined,
        known: []
      }),
      usedAt: now
    }
    this.#accounts.set(name, account)
    return account
  }

  /** A new lane, or one that has forgotten what it learned long ago. */
  #renewed(account: Account<T>, key: string | undefined, old: Lane<T> | undefined): Lane<T> {
    if (old !== undefined && !isIdle(old)) return old
    if (old !== undefined) this.#delete(account, key)
    if (this.#size >= maxLanes) this.#makeRoom()
    const lane = new Lane<T>({
      account: account.name,
      model: key,
      limiter: new Limiter(false),
      free: key !== undefined && key.split(",").every(Verdict.isFree) ? account.free : undefined,
      whole: account.whole,
      known: this.known.filter(({ limit }) => limit.matches(key ?? ""))
    })
    account.lanes.set(key, lane)
    this.#size++
    return lane
  }

  #makeRoom(): void {
    const oldest = leastUsed(this.#ofModels(), isIdle)
    const account = oldest === undefined ? undefined : this.#accounts.get(oldest.account)
    if (oldest !== undefined && account !== undefined) this.#delete(account, oldest.model)
  }

  *#ofModels(): Generator<Lane<T>> {
    for (const account of this.#accounts.values()) yield* account.lanes.values()
  }

  #delete(account: Account<T>, key: string | undefined): void {
    if (account.lanes.delete(key)) this.#size--
  }
}

const keyOf = ({ model, request }: Call): string | undefined => {
  const models = request?.models
  return models === undefined || models.length === 0
    ? model
    : request?.model === undefined
    ? models.join(",")
    : [request.model, ...models].join(",")
}

const isIdle = (lane: Lane<Turn>): boolean => lane.inFlight === 0 && lane.turns.size === 0

const isIdleAccount = ({ endpoints, lanes }: Account<Turn>): boolean =>
  isIdle(endpoints) && Array.from(lanes.values()).every(isIdle)

const leastUsed = <A extends { readonly usedAt: number }>(
  all: Iterable<A>,
  isCandidate: (one: A) => boolean
): A | undefined => {
  let oldest: A | undefined
  for (const one of all) {
    if ((oldest === undefined || one.usedAt < oldest.usedAt) && isCandidate(one)) oldest = one
  }
  return oldest
}
