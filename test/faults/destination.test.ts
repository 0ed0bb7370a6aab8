import { always, type Case, on, prove, refusal, writes } from "./support/cases.ts"
import { flipped } from "./support/proxy.ts"
import { keys } from "./support/scene.ts"
import { useTable } from "./support/table.ts"

useTable()

const [first = "", second = ""] = keys
const put = on("PutObject")

const cases: readonly Case[] = [
  {
    fault: "a destination that is slow",
    arrange: ({ s3 }) =>
      s3.faults.inject({ effect: { kind: "slow", bytesPerSecond: 300_000 }, when: on("PutObject", first) }),
  },
  {
    fault: "a destination that stalls half-way",
    stalls: true,
    arrange: ({ s3 }) => s3.faults.inject({ effect: { kind: "stall" }, when: on("PutObject", first) }),
    pauses: 1,
  },
  {
    fault: "a destination that resets the connection before and while it is sent to",
    arrange: ({ s3 }) => {
      s3.faults.inject({ effect: { kind: "reset" }, when: put, times: 3 })
      s3.faults.inject({ effect: { kind: "reset", after: 60 }, when: put, times: 3 })
    },
  },
  {
    fault: "a destination that writes and loses the answer, again and again",
    arrange: ({ s3 }) => s3.faults.inject({ effect: { kind: "lose-response" }, when: put, times: 4 }),
  },
  {
    fault: "a destination that writes and never answers",
    stalls: true,
    arrange: ({ destination }) =>
      destination.inject({
        when: writes,
        act: (_, forward) => forward().then(() => new Promise<never>(() => {})),
      }),
    pauses: 1,
  },
  {
    fault: "bits that flip on their way up",
    arrange: ({ destination }) =>
      destination.inject({
        when: writes,
        times: 3,
        act: (asked, forward) => forward({ body: flipped(asked.body) }),
      }),
    pauses: 3,
  },
  {
    fault: "bytes that get lost on their way up",
    arrange: ({ destination }) =>
      destination.inject({
        when: writes,
        times: 3,
        act: (asked, forward) => forward({ body: asked.body.subarray(0, 50) }),
      }),
    pauses: 3,
  },
  {
    fault: "a destination that answers 503 four times",
    arrange: ({ s3 }) =>
      s3.faults.inject({
        effect: { kind: "answer", code: "SlowDown" },
        when: on("PutObject", first),
        times: 4,
      }),
    pauses: 4,
  },
  {
    fault: "a destination that answers 503 and asks for a minute",
    arrange: ({ s3 }) =>
      s3.faults.inject({ effect: { kind: "answer", code: "SlowDown", retryAfter: 60 }, when: put, times: 2 }),
    answers: ["again", "done"],
    waiting: /just now/,
  },
  {
    fault: "a destination that answers 409 to a condition",
    arrange: ({ s3 }) =>
      s3.faults.inject({
        effect: { kind: "answer", code: "ConditionalRequestConflict" },
        when: put,
        times: 2,
      }),
    pauses: 2,
  },
  {
    fault: "a destination that tells another ETag than the object's",
    arrange: ({ s3 }) => s3.faults.inject({ effect: { kind: "wrong-etag" }, when: put, times: 2 }),
  },
  {
    fault: "a destination where one key may not be written",
    arrange: ({ s3 }) =>
      s3.faults.inject({
        effect: { kind: "answer", code: "AccessDenied" },
        when: on("PutObject", second),
        times: always,
      }),
    status: "completed_with_failures",
    fate: { [second]: "failed destination.denied" },
  },
  {
    fault: "a destination that denies all in the middle",
    arrange: ({ destination }) =>
      destination.inject({
        when: writes,
        act: async (_, forward) => {
          const reply = await forward()
          destination.inject({ times: always, act: async () => refusal(403, "AccessDenied") })
          return reply
        },
      }),
    concurrency: 1,
    error: "store.denied",
    status: "failed",
  },
  {
    fault: "a destination that is full in the middle",
    arrange: ({ destination }) =>
      destination.inject({
        when: (asked) => writes(asked) && asked.path.endsWith(second),
        act: async () => refusal(507, ""),
      }),
    concurrency: 1,
    error: "store.full",
    status: "failed",
  },
  {
    fault: "a destination's bucket deleted in the middle",
    arrange: ({ destination, to }) =>
      destination.inject({
        when: (asked) => writes(asked) && asked.path.endsWith(first),
        act: async (_, forward) => {
          await to.destroy()
          return forward()
        },
      }),
    concurrency: 1,
    error: "store.missing",
    status: "failed",
  },
]
for (const each of cases) prove(each)
