/**
 * Checks the protocol in `src/domain` against OpenRouter's official specification and its examples.
 *
 * Prints a line per failure (the first 20), and ends with `N passed, N failed`. Without the specification, which is not
 * part of the repository, there is nothing to check.
 */
import { checkStreamEvents } from "./conformance/events.ts"
import { checkMembers, checkOutputItems } from "./conformance/items.ts"
import { make } from "./conformance/report.ts"
import { load } from "./conformance/spec.ts"
import { checkFields, checkRequests, checkResponses } from "./conformance/traffic.ts"

const seed = 1
const spec = load()

if (typeof spec === "string") {
  console.log(`skipped: the specification is not at ${spec}`)
} else {
  const report = make(console.log)
  checkOutputItems(spec, report)
  checkStreamEvents(spec, report)
  checkFields(spec, report)
  checkMembers(spec, report, { count: 25, seed })
  await checkRequests(spec, report, { count: 2000, seed })
  checkResponses(spec, report, { count: 2000, seed })
  if (!report.finish()) process.exitCode = 1
}
