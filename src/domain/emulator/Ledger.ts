/**
 * The emulator's books: who was charged how much for what. The sums are exact.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Recent from "./Recent.ts"

/**
 * What one key spent on one model, in USD.
 *
 * @since 0.1.0
 */
export interface Account {
  readonly key: string
  readonly model: string
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cost: BigDecimal.BigDecimal
}

/**
 * All billed calls since the start or the last `reset`, in USD.
 *
 * - `calls`: billed generations; errors are not among them.
 * - `statuses`: how many replies went out by HTTP status, `hang` or `disconnect`.
 * - `cancelled`: streams that the caller left before they were complete.
 * - `accounts`: one entry per key and model; `key` is in full up to 16 characters (a test's key), else its first nine and last three.
 *
 * @since 0.1.0
 */
export interface Ledger {
  readonly total: BigDecimal.BigDecimal
  readonly credits: BigDecimal.BigDecimal
  readonly remaining: BigDecimal.BigDecimal
  readonly calls: number
  readonly cancelled: number
  readonly statuses: Readonly<Record<string, number>>
  readonly accounts: ReadonlyArray<Account>
}

/**
 * One billed generation, as `GET /generation` tells it. `createdAt` is in milliseconds since the epoch.
 *
 * @since 0.1.0
 */
export interface Entry {
  readonly id: string
  readonly key: string
  readonly model: string
  readonly createdAt: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  readonly cost: BigDecimal.BigDecimal
  readonly finishReason: string
  readonly streamed: boolean
  readonly cancelled: boolean
}

/**
 * The state of the books. Accounts are kept by the key itself, so that equal labels do not mix two keys.
 *
 * @since 0.1.0
 */
export interface Books {
  readonly total: BigDecimal.BigDecimal
  readonly calls: number
  readonly cancelled: number
  readonly statuses: HashMap.HashMap<string, number>
  readonly accounts: HashMap.HashMap<string, Account>
  readonly generations: Recent.Recent<Entry>
}

/**
 * Empty books, which remember the newest 10,000 generations.
 *
 * @since 0.1.0
 */
export const empty: Books = {
  total: BigDecimal.fromBigInt(0n),
  calls: 0,
  cancelled: 0,
  statuses: HashMap.empty(),
  accounts: HashMap.empty(),
  generations: Recent.make(10_000)
}

/**
 * How a key is shown: in full up to 16 characters (a test's key), else its first nine and last three.
 *
 * @since 0.1.0
 */
export const keyLabel = (key: string): string => key.length <= 16 ? key : `${key.slice(0, 9)}...${key.slice(-3)}`

/**
 * Books a billed generation.
 *
 * @since 0.1.0
 */
export const charge = (books: Books, entry: Entry): Books => {
  const name = `${entry.key} ${entry.model}`
  const account = Option.getOrElse(HashMap.get(books.accounts, name), (): Account => ({
    key: keyLabel(entry.key),
    model: entry.model,
    calls: 0,
    inputTokens: 0,
    outputTokens: 0,
    cost: BigDecimal.fromBigInt(0n)
  }))
  return {
    ...books,
    total: BigDecimal.sum(books.total, entry.cost),
    calls: books.calls + 1,
    accounts: HashMap.set(books.accounts, name, {
      ...account,
      calls: account.calls + 1,
      inputTokens: account.inputTokens + entry.inputTokens,
      outputTokens: account.outputTokens + entry.outputTokens,
      cost: BigDecimal.sum(account.cost, entry.cost)
    }),
    generations: Recent.set(books.generations, entry.id, entry)
  }
}

/**
 * Counts a reply.
 *
 * @since 0.1.0
 */
export const count = (books: Books, status: string): Books => ({
  ...books,
  statuses: HashMap.set(books.statuses, status, Option.getOrElse(HashMap.get(books.statuses, status), () => 0) + 1)
})

/**
 * Notes that the caller left a stream. It stays billed.
 *
 * @since 0.1.0
 */
export const cancel = (books: Books, id: string): Books => {
  const entry = Recent.get(books.generations, id)
  return {
    ...books,
    cancelled: books.cancelled + 1,
    generations: entry === undefined
      ? books.generations
      : Recent.set(books.generations, id, { ...entry, cancelled: true })
  }
}

/**
 * What a key has spent, in USD.
 *
 * @since 0.1.0
 */
export const spentBy = (books: Books, key: string): BigDecimal.BigDecimal =>
  BigDecimal.sumAll(
    Array.from(books.accounts).filter(([name]) => name.startsWith(`${key} `)).map(([, account]) => account.cost)
  )

/**
 * The books as a ledger against the given credits.
 *
 * @since 0.1.0
 */
export const toLedger = (books: Books, credits: BigDecimal.BigDecimal): Ledger => ({
  total: books.total,
  credits,
  remaining: BigDecimal.subtract(credits, books.total),
  calls: books.calls,
  cancelled: books.cancelled,
  statuses: Object.fromEntries(books.statuses),
  accounts: Array.from(HashMap.values(books.accounts)).sort((a, b) =>
    a.key < b.key ? -1 : a.key > b.key ? 1 : a.model < b.model ? -1 : a.model > b.model ? 1 : 0
  )
})
