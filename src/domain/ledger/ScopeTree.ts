/**
 * Sums by nested names, in bounded memory.
 *
 * A tree belongs to one ledger and changes with each call: copies of its sums would cost more than the sums. When it has
 * more names than it may, the least used ones (fewest calls, then those not used for longest) are added to `(other)` beside
 * them, until a quarter of the room is free. A scope of which nothing else is left has its own figures only, and may be
 * added to `(other)` itself. So all sums stay right, whatever the number of names.
 *
 * @since 0.1.0
 */
import * as Usd from "../money/Usd.ts"
import * as Costs from "../outcome/Costs.ts"
import * as ScopeReport from "./ScopeReport.ts"

const { other } = ScopeReport

/** What is booked directly in a scope, and its inner scopes by name. */
class Scope {
  readonly name: string
  /** Absent for a scope that nothing can be added to: the outermost one. */
  readonly parent: Scope | undefined
  costs: Costs.Costs = Costs.zero
  savedCalls = 0
  saved: Usd.Usd = Usd.zero
  usedAt = 0
  inner: Map<string, Scope> | undefined = undefined
  inside: Shared | undefined = undefined

  constructor(name: string, parent: Scope | undefined) {
    this.name = name
    this.parent = parent
  }

  get uses(): number {
    return this.costs.calls + this.savedCalls
  }

  absorb(that: Scope): void {
    this.costs = Costs.sum(this.costs, that.costs)
    this.savedCalls += that.savedCalls
    this.saved = Usd.sum(this.saved, that.saved)
    this.usedAt = Math.max(this.usedAt, that.usedAt)
  }
}

/** Holds what is inside of all those scopes of its parent that keep their sum only. It has no figures of its own. */
class Shared extends Scope {}

/**
 * What is booked: costs, or what was saved.
 *
 * @since 0.1.0
 */
export type Booked = Costs.Costs | { readonly saved: Usd.Usd | undefined }

/**
 * The sums of a ledger.
 *
 * @since 0.1.0
 */
export class ScopeTree {
  readonly #root: Scope
  readonly #max: number
  #count = 0
  #folded: number
  #now = 0

  constructor(name: string, max: number, folded = 0) {
    this.#root = new Scope(name, undefined)
    this.#max = max
    this.#folded = folded
  }

  /** How many scopes were added to `(other)`. */
  get folded(): number {
    return this.#folded
  }

  /** Books something in a scope, which is made if it is not there. */
  book(names: ReadonlyArray<string>, from: number, summed: ReadonlyArray<number> | undefined, booked: Booked): void {
    this.#now++
    let scope = this.#root
    for (let index = from; index < names.length; index++) {
      const inner = this.#innerOf(scope, names[index] ?? "")
      if (summed?.includes(index) === true) {
        this.#add(inner, booked)
        // What was made directly in it is its own; what was made in its scopes is theirs as well, in the shared ones.
        if (index === names.length - 1 || inner.name === other) return this.#bound()
        scope = sharedOf(scope)
      } else {
        scope = inner
        // Nothing is told apart in it.
        if (inner.name === other) break
      }
    }
    this.#add(scope, booked)
    this.#bound()
  }

  /** Books a difference where something was booked before: in that scope, or in the one that it was added to. */
  correct(names: ReadonlyArray<string>, summed: ReadonlyArray<number> | undefined, difference: Costs.Costs): void {
    let scope = this.#root
    for (let index = 0; index < names.length; index++) {
      const inner = scope.inner?.get(names[index] ?? "") ?? scope.inner?.get(other)
      if (inner === undefined) break
      if (summed?.includes(index) === true) {
        this.#add(inner, difference)
        const shared = scope instanceof Shared ? scope : scope.inside
        if (shared === undefined || index === names.length - 1) return
        scope = shared
      } else scope = inner
    }
    if (!(scope instanceof Shared)) this.#add(scope, difference)
  }

  #add(scope: Scope, booked: Booked): void {
    scope.usedAt = this.#now
    if ("calls" in booked) scope.costs = Costs.sum(scope.costs, booked)
    else {
      scope.savedCalls++
      if (booked.saved !== undefined) scope.saved = Usd.sum(scope.saved, booked.saved)
    }
  }

  #innerOf(scope: Scope, name: string): Scope {
    const inner = scope.inner ??= new Map()
    let found = inner.get(name)
    if (found === undefined) {
      found = new Scope(name, scope)
      inner.set(name, found)
      this.#count++
    }
    return found
  }

  #bound(): void {
    if (this.#count <= this.#max) return
    const enough = Math.floor(this.#max * 0.75)
    while (this.#count > enough) {
      const leaves: Array<Scope> = []
      collectLeaves(this.#root, leaves)
      if (leaves.length === 0) return
      leaves.sort((a, b) => a.uses - b.uses || a.usedAt - b.usedAt)
      for (const leaf of leaves) {
        if (this.#count <= enough) return
        this.#fold(leaf)
      }
    }
  }

  #fold(leaf: Scope): void {
    const { parent } = leaf
    const inner = parent?.inner
    if (parent === undefined || inner === undefined) return
    this.#folded++
    this.#count--
    inner.delete(leaf.name)
    const rest = inner.get(other)
    const isLast = inner.size === (rest === undefined ? 0 : 1) && (rest === undefined || isLeaf(rest))
    if (parent.parent === undefined || !isLast) return this.#innerOf(parent, other).absorb(leaf)
    // Nothing is told apart in the parent any more.
    if (rest !== undefined) this.#count--
    if (parent instanceof Shared) parent.parent.inside = undefined
    else {
      parent.inner = undefined
      parent.absorb(leaf)
      if (rest !== undefined) parent.absorb(rest)
    }
  }

  /** The sums so far. */
  report(): ScopeReport.ScopeReport {
    return reportOf(this.#root)
  }

  /** Takes over what another ledger has reported. */
  restore(report: ScopeReport.ScopeReport): void {
    this.#restore(this.#root, report)
    this.#bound()
  }

  #restore(scope: Scope, report: ScopeReport.ScopeReport): void {
    const { saved, savedCalls, ...costs } = ScopeReport.subtract(
      report,
      report.scopes.reduce<ScopeReport.Figures>(ScopeReport.sum, ScopeReport.zero)
    )
    scope.costs = Costs.sum(scope.costs, costs)
    scope.savedCalls += savedCalls
    scope.saved = Usd.sum(scope.saved, saved)
    for (const inner of report.scopes) this.#restore(this.#innerOf(scope, inner.name), inner)
    if (report.inside === undefined || report.inside.length === 0) return
    const inside = sharedOf(scope)
    for (const inner of report.inside) this.#restore(this.#innerOf(inside, inner.name), inner)
  }
}

/** Those that keep their sum only inside of others which do are beside their own inner scopes. */
const sharedOf = (scope: Scope): Shared => scope instanceof Shared ? scope : scope.inside ??= new Shared("", scope)

const isLeaf = ({ inner, inside }: Scope): boolean => (inner === undefined || inner.size === 0) && inside === undefined

const collectLeaves = ({ inner, inside }: Scope, leaves: Array<Scope>): void => {
  for (const scope of inner?.values() ?? []) {
    if (!isLeaf(scope)) collectLeaves(scope, leaves)
    else if (scope.name !== other) leaves.push(scope)
  }
  if (inside !== undefined) collectLeaves(inside, leaves)
}

const reportOf = (scope: Scope): ScopeReport.ScopeReport => {
  const scopes = reportsOf(scope)
  const own: ScopeReport.Figures = { ...scope.costs, savedCalls: scope.savedCalls, saved: scope.saved }
  return {
    name: scope.name,
    ...scopes.reduce<ScopeReport.Figures>(ScopeReport.sum, own),
    scopes,
    ...(scope.inside === undefined ? {} : { inside: reportsOf(scope.inside) })
  }
}

/** In the order in which they came, and what has no room at the end. */
const reportsOf = ({ inner }: Scope): ReadonlyArray<ScopeReport.ScopeReport> => {
  if (inner === undefined) return []
  const reports: Array<ScopeReport.ScopeReport> = []
  for (const scope of inner.values()) if (scope.name !== other) reports.push(reportOf(scope))
  const rest = inner.get(other)
  if (rest !== undefined) reports.push(reportOf(rest))
  return reports
}
