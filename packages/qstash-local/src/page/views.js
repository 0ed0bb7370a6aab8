import { element } from "./table.js"

// What there is to see: where it comes from, how a row looks, and what can be done with it.

const time = (ms) => (ms === undefined ? "" : new Date(ms).toLocaleString())
const code = (text) => element("code", {}, text ?? "")
const path = (...parts) => parts.map(encodeURIComponent).join("/")

const moods = { DELIVERED: "good", FAILED: "bad", ERROR: "bad", CANCELED: "bad", RETRY: "wait" }
const state = (name) => element("strong", { class: moods[name] ?? "" }, name)

/** Something long, folded. */
const folded = (name, title, ...inside) =>
  element(
    "details",
    { "data-name": name },
    element("summary", { "data-name": `${name} summary` }, title),
    ...inside,
  )

const attempt = ({ time: at, status, error, headers, body, next }, nth) =>
  folded(
    `attempt ${nth}`,
    `${nth + 1}. ${time(at)} → ${error ?? status ?? "under way"}`,
    headers &&
      element(
        "pre",
        {},
        Object.entries(headers)
          .map(([name, values]) => `${name}: ${values.join(", ")}`)
          .join("\n"),
      ),
    body ? element("pre", {}, body) : undefined,
    next && element("p", {}, `next attempt ${time(next)}`),
  )

const limits = (key) =>
  [
    key.parallelismMax && `parallelism ${key.parallelismCount} of ${key.parallelismMax}`,
    key.rateMax && `rate ${key.rateCount} of ${key.rateMax} in ${key.ratePeriod} s`,
  ]
    .filter(Boolean)
    .join(", ")

/** A button that calls the API: name, method, path. */
const pauseOrResume = (paused, base, method = "POST") =>
  paused ? [["Resume", method, `${base}/resume`]] : [["Pause", method, `${base}/pause`]]

export const views = [
  {
    name: "Messages",
    columns: ["State", "Message", "Published", "Attempts", "Body", "Actions"],
    load: (call) => call("GET", "/local/messages"),
    id: ({ messageId }) => messageId,
    cells: (message) => [
      state(message.state),
      element(
        "div",
        {},
        code(message.messageId),
        element("br"),
        `${message.method} `,
        code(message.url),
        element("br"),
        message.notes.join(" · "),
      ),
      time(message.createdAt),
      element("div", {}, ...message.attempts.map(attempt)),
      message.body
        ? folded("body", `${message.body.length} characters`, element("pre", {}, message.body))
        : "",
    ],
    actions: ({ isPending, messageId }) =>
      isPending ? [["Cancel", "DELETE", `/v2/messages/${path(messageId)}`]] : [],
  },
  {
    name: "Dead letters",
    columns: ["Letter", "Message", "Answer", "Body", "Actions"],
    load: async (call) => (await call("GET", "/v2/dlq")).messages,
    id: ({ dlqId }) => dlqId,
    cells: (letter) => [
      element("div", {}, code(letter.dlqId), element("br"), time(Number.parseInt(letter.dlqId, 10))),
      element("div", {}, code(letter.messageId), element("br"), `${letter.method} `, code(letter.url)),
      folded(
        "answer",
        String(letter.responseStatus ?? "no answer"),
        element("pre", {}, letter.responseBody ?? letter.responseBodyBase64 ?? ""),
      ),
      folded("body", "body", element("pre", {}, letter.body ?? letter.bodyBase64 ?? "")),
    ],
    actions: ({ dlqId }) => [
      ["Retry", "POST", `/v2/dlq/retry/${path(dlqId)}`],
      ["Delete", "DELETE", `/v2/dlq/${path(dlqId)}`],
    ],
  },
  {
    name: "Queues",
    columns: ["Queue", "Waiting", "Parallelism", "State", "Actions"],
    load: (call) => call("GET", "/v2/queues"),
    id: ({ name }) => name,
    cells: ({ name, lag, parallelism, paused }) => [
      code(name),
      String(lag),
      String(parallelism),
      paused ? "paused" : "active",
    ],
    actions: ({ name, paused }) => pauseOrResume(paused, `/v2/queues/${path(name)}`),
  },
  {
    name: "Flow control",
    columns: ["Key", "Waiting", "Limits", "State", "Actions"],
    load: (call) => call("GET", "/v2/flowControl"),
    id: ({ flowControlKey }) => flowControlKey,
    cells: (key) => [
      code(key.flowControlKey),
      String(key.waitListSize),
      limits(key),
      [
        key.isPaused ? "paused" : "active",
        key.isPinnedParallelism && "parallelism pinned",
        key.isPinnedRate && "rate pinned",
      ]
        .filter(Boolean)
        .join(", "),
    ],
    actions: ({ flowControlKey, isPaused }) =>
      pauseOrResume(isPaused, `/v2/flowControl/${path(flowControlKey)}`),
  },
  {
    name: "Schedules",
    columns: ["Schedule", "Cron", "Destination", "Last", "Next", "State", "Actions"],
    load: (call) => call("GET", "/v2/schedules"),
    id: ({ scheduleId }) => scheduleId,
    cells: (schedule) => [
      code(schedule.scheduleId),
      code(schedule.cron),
      code(schedule.destination),
      `${time(schedule.lastScheduleTime)} ${Object.values(schedule.lastScheduleStates ?? {}).join(", ")} ${schedule.error ?? ""}`,
      time(schedule.nextScheduleTime),
      schedule.isPaused ? "paused" : "active",
    ],
    actions: ({ scheduleId, isPaused }) =>
      pauseOrResume(isPaused, `/v2/schedules/${path(scheduleId)}`, "PATCH"),
  },
]
