export * as DispatchHttpClient from "./layers/node/DispatchHttpClient.ts"
export * as OpenRouterNode from "./layers/node/OpenRouterNode.ts"
export * as Sqlite from "./layers/node/Sqlite.ts"
