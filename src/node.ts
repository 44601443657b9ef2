/**
 * What needs Node: a client over undici that takes a quarter of the CPU of fetch, and SQLite. Needs `@effect/platform-node`.
 *
 * @since 0.1.0
 */

export * as DispatchHttpClient from "./layers/node/DispatchHttpClient.ts"
export * as OpenRouterNode from "./layers/node/OpenRouterNode.ts"
export * as Sqlite from "./layers/node/Sqlite.ts"
