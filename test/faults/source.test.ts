import { always, type Case, misstated, on, prove, reads, refusal } from "./support/cases.ts"
import { keys } from "./support/scene.ts"
import { useTable } from "./support/table.ts"

useTable()

const [first = "", second = "", third = ""] = keys
const get = on("GetObject")

const cases: readonly Case[] = [
  {
    fault: "a source that is slow",
    arrange: ({ s3 }) =>
      s3.faults.inject({ effect: { kind: "slow", bytesPerSecond: 300_000 }, when: on("GetObject", first) }),
  },
  {
    fault: "a source that stalls half-way",
    stalls: true,
    arrange: ({ s3 }) => s3.faults.inject({ effect: { kind: "stall" }, when: on("GetObject", first) }),
    pauses: 1,
  },
  {
    fault: "a source that resets the connection before and while it answers",
    arrange: ({ s3 }) => {
      s3.faults.inject({ effect: { kind: "reset" }, when: get, times: 3 })
      s3.faults.inject({ effect: { kind: "reset", after: 60 }, when: get, times: 3 })
    },
  },
  {
    fault: "a source whose answers end early",
    arrange: ({ s3 }) => s3.faults.inject({ effect: { kind: "cut" }, when: get, times: 3 }),
    pauses: 1,
  },
  {
    fault: "a source whose bits flip on their way",
    arrange: ({ s3 }) => s3.faults.inject({ effect: { kind: "flip" }, when: get, times: 3 }),
    pauses: 3,
  },
  {
    fault: "a source whose one object always comes with a flipped bit",
    arrange: ({ s3 }) =>
      s3.faults.inject({ effect: { kind: "flip" }, when: on("GetObject", second), times: always }),
    status: "completed_with_failures",
    fate: { [second]: "failed source.corrupt" },
    pauses: 4,
  },
  {
    fault: "a source that promises more bytes than it sends",
    arrange: ({ source }) => source.inject({ when: reads, act: misstated(7) }),
    pauses: 1,
  },
  {
    fault: "a source that promises fewer bytes than it sends",
    arrange: ({ source }) => source.inject({ when: reads, act: misstated(-7) }),
    pauses: 1,
  },
  {
    fault: "a source that answers 503 four times",
    arrange: ({ s3 }) =>
      s3.faults.inject({
        effect: { kind: "answer", code: "SlowDown" },
        when: on("GetObject", first),
        times: 4,
      }),
    pauses: 4,
  },
  {
    fault: "a source that answers 429 and asks for 3 seconds",
    arrange: ({ s3 }) =>
      s3.faults.inject({
        effect: { kind: "answer", code: "TooManyRequests", retryAfter: 3 },
        when: get,
        times: 2,
      }),
    pauses: 2,
  },
  {
    fault: "a source that answers 429 and asks for a minute",
    arrange: ({ s3 }) =>
      s3.faults.inject({
        effect: { kind: "answer", code: "TooManyRequests", retryAfter: 60 },
        when: get,
        times: 2,
      }),
    answers: ["again", "done"],
    waiting: /just now/,
  },
  {
    fault: "a source whose one object always answers 503",
    arrange: ({ s3 }) =>
      s3.faults.inject({
        effect: { kind: "answer", code: "ServiceUnavailable" },
        when: on("GetObject", second),
        times: always,
      }),
    status: "completed_with_failures",
    fate: { [second]: "failed source.busy" },
    pauses: 4,
  },
  {
    fault: "a source whose one object always asks for an hour",
    arrange: ({ s3 }) =>
      s3.faults.inject({
        effect: { kind: "answer", code: "SlowDown", retryAfter: 3600 },
        when: on("GetObject", second),
        times: always,
      }),
    status: "completed_with_failures",
    fate: { [second]: "failed source.busy" },
    answers: ["again", "again", "again", "done"],
  },
  {
    fault: "a source that answers 503 to everything for three deliveries",
    arrange: ({ source }) => source.inject({ act: async () => refusal(503, "ServiceUnavailable"), times: 3 }),
    answers: ["again", "again", "again", "done"],
    waiting: /just now/,
  },
  {
    fault: "a source whose one object may not be read",
    arrange: ({ s3 }) =>
      s3.faults.inject({
        effect: { kind: "answer", code: "AccessDenied" },
        when: on("GetObject", second),
        times: always,
      }),
    status: "completed_with_failures",
    fate: { [second]: "failed source.denied" },
  },
  {
    fault: "a source that denies one object where copies go on inside one server",
    arrange: ({ s3 }) => {
      s3.faults.inject({
        effect: { kind: "answer", code: "AccessDenied" },
        when: ({ bucket, key }) => bucket === "old-images" && key === second,
        times: always,
      })
    },
    inside: true,
    status: "completed_with_failures",
    fate: { [second]: "failed source.denied" },
  },
  {
    fault: "an object deleted between listing and reading",
    arrange: ({ source, from }) =>
      source.inject({
        when: reads,
        act: async (_, forward) => {
          await from.remove(third)
          return forward()
        },
      }),
    concurrency: 1,
    status: "completed_with_failures",
    fate: { [third]: "failed source.missing" },
  },
  {
    fault: "a source that refuses its credentials in the middle",
    arrange: ({ source }) =>
      source.inject({
        when: reads,
        act: async (_, forward) => {
          source.inject({ times: always, act: async () => refusal(403, "InvalidAccessKeyId") })
          return forward()
        },
      }),
    concurrency: 1,
    error: "store.credentials",
    status: "failed",
  },
  {
    fault: "a source that denies all in the middle",
    arrange: ({ source }) =>
      source.inject({
        when: reads,
        act: async (_, forward) => {
          source.inject({ times: always, act: async () => refusal(403, "AccessDenied") })
          return forward()
        },
      }),
    concurrency: 1,
    error: "store.denied",
    status: "failed",
  },
  {
    fault: "a source's bucket deleted in the middle",
    arrange: ({ source, from }) =>
      source.inject({
        when: reads,
        act: async (_, forward) => {
          const reply = await forward()
          await from.destroy()
          return reply
        },
      }),
    concurrency: 1,
    error: "store.missing",
    status: "failed",
  },
]
for (const each of cases) prove(each)
