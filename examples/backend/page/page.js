/** Asks the backend, and shows the text while it arrives. */
const element = (id) => document.getElementById(id)

const form = element("form")
const question = element("question")
const send = element("send")
const stop = element("stop")
const answer = element("answer")
const failure = element("failure")
const again = element("again")
const status = element("status")
const spending = element("spending")

/** What each failure looks like; the sentence below it is the backend's. */
const titles = {
  UpstreamUnavailable: "Nobody is there to answer",
  UpstreamTimeout: "That took too long",
  UpstreamFailed: "The answer broke off",
  RequestRefused: "No answer to this",
  InputTooLarge: "That is too long",
  BudgetSpent: "That was all for today",
  UpstreamMisconfigured: "Something is wrong on our side",
  Unknown: "We do not know you",
  Unasked: "That cannot be asked",
  Unreachable: "The server cannot be reached"
}

/** Where asking the same again may help. */
const passing = ["UpstreamUnavailable", "UpstreamTimeout", "UpstreamFailed", "Unreachable"]

const inWords = (seconds) =>
  seconds < 90 ?
    `${seconds} seconds` :
    seconds < 5400 ?
    `${Math.round(seconds / 60)} minutes` :
    `${Math.round(seconds / 3600)} hours`

const showFailure = ({ _tag, message, retryAfter }) => {
  const title = document.createElement("strong")
  title.textContent = titles[_tag] ?? "That did not work"
  const when = retryAfter === undefined ? "" : ` Try again in ${inWords(retryAfter)}.`
  failure.replaceChildren(title, `${message}${when}`)
  failure.dataset.tag = _tag
  again.hidden = !passing.includes(_tag)
}

const showSpending = ({ limit, spent }) => {
  const cents = (usd) => `$${Number(usd).toFixed(4)}`
  spending.textContent = `${cents(spent)} of ${cents(limit)} spent today`
}

/** The events of a body of server-sent events whose data is JSON. */
async function* eventsOf(body) {
  let rest = ""
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n")
    rest = blocks.pop()
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5))
      if (data.length > 0) yield JSON.parse(data.join("\n"))
    }
  }
}

/** Why the backend did not even begin. */
const refusal = async (response) => {
  const body = await response.json().catch(() => ({}))
  if (body._tag in titles) return body
  return response.status === 400
    ? { _tag: "Unasked", message: "The server does not take this question." }
    : { _tag: "Unreachable", message: "The server is there, but not well." }
}

const unreachable = { _tag: "Unreachable", message: "The connection broke. Are you online?" }

let running

const ask = async (text) => {
  running?.abort()
  const controller = new AbortController()
  running = controller
  answer.replaceChildren()
  failure.replaceChildren()
  again.hidden = true
  answer.setAttribute("aria-busy", "true")
  stop.disabled = false
  status.textContent = "Waiting for the answer…"
  try {
    const response = await fetch("/api/stream", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ question: text }),
      signal: controller.signal
    })
    if (!response.ok) throw await refusal(response)
    status.textContent = "Writing…"
    let ended = false
    for await (const event of eventsOf(response.body)) {
      if (event._tag === "Text") answer.append(event.delta)
      if (event._tag === "Failed") throw event.error
      if (event._tag === "Done") {
        showSpending(event)
        ended = true
      }
    }
    if (!ended) throw unreachable
    status.textContent = "Done."
  } catch (error) {
    if (controller.signal.aborted) {
      if (running === controller) status.textContent = "Stopped."
      return
    }
    status.textContent = ""
    showFailure(error._tag === undefined ? unreachable : error)
  } finally {
    if (running === controller) {
      running = undefined
      answer.setAttribute("aria-busy", "false")
      stop.disabled = true
      question.focus()
      await refreshSpending()
    }
  }
}

const refreshSpending = async () => {
  const response = await fetch("/api/spending").catch(() => undefined)
  if (response?.ok) showSpending(await response.json())
}

form.addEventListener("submit", (event) => {
  event.preventDefault()
  void ask(question.value)
})

question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
  event.preventDefault()
  form.requestSubmit(send)
})

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort()
})

stop.addEventListener("click", () => running?.abort())
again.addEventListener("click", () => form.requestSubmit(send))

await refreshSpending()
