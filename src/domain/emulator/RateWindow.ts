/**
 * The windows of all rate limits, and what each has seen.
 *
 * A request has to pass every limit that is about it. The first one that is full refuses it, and then it counts for none.
 *
 * @since 0.1.0
 */
import type * as BigDecimal from "effect/BigDecimal"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Quota from "./Quota.ts"
import type * as Reply from "./Reply.ts"

/**
 * What one window of one limit saw. Times are in milliseconds since the epoch by the server's clock.
 *
 * - `group`: whose window it is: a label of the key, the model, or both; empty where all share one.
 * - `accepted`: requests that were let through; `tokens` is what they took.
 * - `refused`: 429s of this limit.
 *
 * @since 0.1.0
 */
export interface WindowTraffic {
  readonly limit: string
  readonly group: string
  readonly startsAt: number
  readonly endsAt: number
  readonly accepted: number
  readonly refused: number
  readonly tokens: number
}

/**
 * The windows that are open now, by limit and group, and the newest of those that are over.
 *
 * @since 0.1.0
 */
export interface Windows {
  readonly open: HashMap.HashMap<string, WindowTraffic>
  readonly over: ReadonlyArray<WindowTraffic>
}

/**
 * No window was opened yet.
 *
 * @since 0.1.0
 */
export const empty: Windows = { open: HashMap.empty(), over: [] }

/** How many windows are remembered when they are over. */
const remembered = 1000

/**
 * One request that asks for its place in all windows. `tokens` is what it may take, and `credits` what was bought.
 *
 * @since 0.1.0
 */
export interface Asked {
  readonly key: string
  readonly keyLabel: string
  readonly model: string
  readonly tokens: number
  readonly credits: BigDecimal.BigDecimal
  readonly now: number
}

/**
 * A limit is full: the 429, and the windows that have counted it.
 *
 * @since 0.1.0
 */
export interface Refused {
  readonly failure: Reply.Failure
  readonly windows: Windows
}

/**
 * Takes a place in the window of every limit, or none of them.
 *
 * @since 0.1.0
 */
export const take = (
  quotas: ReadonlyArray<Quota.Quota>,
  before: Windows,
  asked: Asked
): Result.Result<Windows, Refused> => {
  let windows = before
  const places: Array<readonly [name: string, window: WindowTraffic]> = []
  for (const quota of quotas) {
    const group = quota.groupOf(asked.key, asked.model)
    if (group === undefined) continue
    const name = nameOf(quota, group)
    windows = turned(windows, quota, name, asked)
    const window = Option.getOrUndefined(HashMap.get(windows.open, name))
    if (window === undefined) continue
    const requests = Quota.requestsOf(quota, asked.credits)
    if (window.accepted >= requests || window.tokens + asked.tokens > quota.tokens) {
      const isByRequests = window.accepted >= requests
      return Result.fail({
        failure: Quota.refusal(quota, isByRequests ? requests : undefined, window.endsAt - asked.now, asked.model),
        windows: withWindow(windows, name, { ...window, refused: window.refused + 1 })
      })
    }
    places.push([name, { ...window, accepted: window.accepted + 1, tokens: window.tokens + asked.tokens }])
  }
  return Result.succeed(places.reduce((all, [name, window]) => withWindow(all, name, window), windows))
}

/**
 * Puts the tokens that a request used in the place of those that it took, where its window is still open.
 *
 * @since 0.1.0
 */
export const settle = (quotas: ReadonlyArray<Quota.Quota>, windows: Windows, asked: Asked, used: number): Windows =>
  used === asked.tokens ? windows : quotas.reduce((all, quota) => {
    const group = quota.groupOf(asked.key, asked.model)
    const name = group === undefined ? "" : nameOf(quota, group)
    const window = Option.getOrUndefined(HashMap.get(all.open, name))
    return window === undefined || window.endsAt <= asked.now
      ? all
      : withWindow(all, name, { ...window, tokens: Math.max(0, window.tokens + used - asked.tokens) })
  }, windows)

/**
 * The windows in which anything was asked: the newest 1,000 that are over and those that are open, by their beginning, limit and group.
 *
 * @since 0.1.0
 */
export const traffic = ({ open, over }: Windows): ReadonlyArray<WindowTraffic> =>
  [...over, ...HashMap.values(open)].sort((a, b) => a.startsAt - b.startsAt || order(a, b))

const order = (a: WindowTraffic, b: WindowTraffic): number => {
  const [first, second] = [`${a.limit} ${a.group}`, `${b.limit} ${b.group}`]
  return first < second ? -1 : first > second ? 1 : 0
}

/**
 * How the account stands with its free models today: the tightest daily limit over them, or OpenRouter's usual one where
 * there is none.
 *
 * @since 0.1.0
 */
export const freeDaily = (
  { credits, quotas, windows }: {
    readonly quotas: ReadonlyArray<Quota.Quota>
    readonly windows: Windows
    readonly credits: BigDecimal.BigDecimal
  },
  now: number
): { readonly limit: number; readonly used: number } => {
  const [quota] = quotas.filter(({ over, window }) => over === "free" && window === Quota.day).sort((a, b) =>
    Quota.requestsOf(a, credits) - Quota.requestsOf(b, credits)
  )
  if (quota === undefined) return { limit: 1000, used: 0 }
  const window = Option.getOrUndefined(HashMap.get(windows.open, nameOf(quota, "")))
  return {
    limit: Quota.requestsOf(quota, credits),
    used: window === undefined || window.endsAt <= now ? 0 : window.accepted
  }
}

const nameOf = (quota: Quota.Quota, group: string): string => `${quota.name} ${quota.over} ${group}`

const withWindow = (windows: Windows, name: string, window: WindowTraffic): Windows => ({
  ...windows,
  open: HashMap.set(windows.open, name, window)
})

/** The windows, with one of the present moment under the given name. */
const turned = (windows: Windows, quota: Quota.Quota, name: string, { key, keyLabel, model, now }: Asked): Windows => {
  const startsAt = Math.floor((now - quota.phase) / quota.window) * quota.window + quota.phase
  const window = Option.getOrUndefined(HashMap.get(windows.open, name))
  // The length is compared as well: a limit whose window was changed begins anew.
  if (window !== undefined && window.startsAt === startsAt && window.endsAt === startsAt + quota.window) return windows
  return {
    over: window === undefined ? windows.over : [...windows.over.slice(1 - remembered), window],
    open: HashMap.set(windows.open, name, {
      limit: quota.name,
      // By the label, so that no key is told.
      group: quota.groupOf(keyLabel, model) ?? quota.groupOf(key, model) ?? "",
      startsAt,
      endsAt: startsAt + quota.window,
      accepted: 0,
      refused: 0,
      tokens: 0
    })
  }
}
