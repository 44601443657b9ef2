/** How much the tests do that get better the longer they look. */

/** Whether this is `npm run thorough`, which looks everywhere. */
export const isThorough = process.env["THOROUGH"] !== undefined

/** So many of something: all of them in `npm run thorough`, a quarter in `npm test`, which is to be fast. */
export const quarter = (all: number): number => isThorough ? all : Math.ceil(all / 4)
