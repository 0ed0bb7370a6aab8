import fc from "fast-check"
import { expect, test } from "vitest"
import { defaultBackoff, pauseAfter } from "../../packages/qstash-local/src/delivery/backoff.ts"
import { compile } from "../../packages/qstash-local/src/delivery/expression.ts"
import { parseDuration, parseHeaderDuration } from "../../packages/qstash-local/src/time/duration.ts"
import { startWorld } from "./support/world.ts"

test("the default pauses are those of the documentation's table", () => {
  expect([1, 2, 3, 4, 5, 6, 999].map((n) => defaultBackoff(n) / 1000)).toEqual([
    12, 148, 1808, 22_026, 86_400, 86_400, 86_400,
  ])
})

test.for([
  ["1000", [1000, 1000]],
  ["1000 * (1 + retried)", [1000, 2000, 3000]],
  ["pow(2, retried) * 1000", [1000, 2000, 4000]],
  ["max(1000, pow(2, retried) * 100)", [1000, 1000, 1000, 1000, 1600]],
  ["min(5000, exp(retried))", [1, Math.E]],
  ["floor(2.7) + ceil(0.2) + round(1.5)", [5]],
  ["sqrt(abs(-16)) + round(0 - 2.5)", [1]],
  ["-retried + 10 - 3 * 2 / 4 % 2", [8.5, 7.5]],
  ["--2", [2]],
  ["1e3 + .5", [1000.5]],
  ["((((1))))", [1]],
] as const)("%s", ([text, values]) => {
  const run = compile(text)
  values.forEach((value, retried) => {
    expect(run(retried)).toBeCloseTo(value)
  })
})

test.for([
  ["", "unexpected end of expression"],
  ["1 +", "unexpected end of expression"],
  ["1 2", "unexpected '2' at 3"],
  ["(1", "unexpected end of expression"],
  ["1)", "unexpected ')' at 2"],
  ["retry", "unknown name 'retry'"],
  ["constructor(1)", "unknown name 'constructor'"],
  ["pow(1)", "pow takes 2 argument(s), not 1"],
  ["min(1, 2, 3)", "min takes 2 argument(s), not 3"],
  ["sqrt()", "unexpected ')' at 6"],
  ["1; 2", "unexpected ';' at 2"],
  ["$", "unexpected '$' at 1"],
  [`${"(".repeat(60)}1${")".repeat(60)}`, "expression is nested too deeply"],
  [`${"-".repeat(600)}1`, "expression is nested too deeply"],
  [`${"1+".repeat(600)}1`, "expression is longer than 1000 characters"],
])("%j cannot be read: %s", async ([text = "", problem]) => {
  expect(() => compile(text)).toThrow(new SyntaxError(problem))
  const { call, receiver } = await startWorld()
  const answer = await call("POST", `/v2/publish/${receiver.url}`, { "upstash-retry-delay": text })
  expect(answer).toMatchObject({
    status: 400,
    body: { error: `invalid Upstash-Retry-Delay header: ${problem}` },
  })
})

test("whatever the text, compiling returns a function or throws a SyntaxError", () => {
  const words = fc.constantFrom(
    "1",
    "2.5",
    "retried",
    "pow",
    "min",
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    " ",
    "x",
    "\0",
  )
  fc.assert(
    fc.property(fc.array(words, { maxLength: 30 }), fc.nat(9), (parts, retried) => {
      try {
        expect(compile(parts.join(""))(retried)).toBeTypeOf("number")
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError)
      }
    }),
  )
})

test.for([
  [{ "Retry-After": ["7"] }, 7000],
  [{ "Retry-After": ["0"] }, 0],
  [{ "Retry-After": ["6m5s"] }, 365_000],
  [{ "Retry-After": ["1h500ms"] }, 3_600_500],
  [{ "Retry-After": ["Sun, 01 Mar 2026 00:01:30 GMT"] }, 90_000],
  [{ "Retry-After": ["Sun, 01 Feb 2026 00:00:00 GMT"] }, 0],
  [{ "Retry-After": ["86400"] }, 86_400_000],
  [{ "Retry-After": ["86401"] }, 12_000],
  [{ "Retry-After": ["soon"] }, 12_000],
  [{ "Retry-After": ["-5"] }, 12_000],
  [{ "X-Ratelimit-Reset": ["9"] }, 9000],
  [{ "X-Ratelimit-Reset-Requests": ["9s"] }, 9000],
  [{ "X-Ratelimit-Reset-Tokens": ["9ms"] }, 9],
  [{ "Retry-After": ["3"], "X-Ratelimit-Reset": ["9"] }, 3000],
  [{}, 12_000],
] as const)("an answer with %j is tried again after %i ms", ([headers, pause]) => {
  expect(pauseAfter(0, undefined, headers, Date.parse("2026-03-01T00:00:00Z"))).toBe(pause)
})

test("an expression is asked with the retries so far; a header of the answer goes before it; nonsense falls back", () => {
  expect([0, 1, 2].map((retried) => pauseAfter(retried, "1000 * (1 + retried)", {}, 0))).toEqual([
    1000, 2000, 3000,
  ])
  expect(pauseAfter(0, "1000", { "Retry-After": ["5"] }, 0)).toBe(5000)
  expect(pauseAfter(0, "1 / 0", {}, 0)).toBe(12_000)
  expect(pauseAfter(0, "sqrt(-1)", {}, 0)).toBe(12_000)
  expect(pauseAfter(1, "-1", {}, 0)).toBe(148_000)
  expect(pauseAfter(0, "pow(10, 12)", {}, 0)).toBe(86_400_000)
})

test("the retries of a message follow its expression", async () => {
  const { client, clock, receiver } = await startWorld({ answering: () => ({ status: 500 }) })
  await client.publish({ url: receiver.url, body: "", retries: 2, retryDelay: "pow(2, retried) * 1000" })
  const seen: number[] = []
  for (const pause of [999, 1, 1999, 1]) {
    await clock.advance(pause)
    seen.push(receiver.deliveries.length)
  }
  expect(seen).toEqual([1, 2, 2, 3])
})

test("durations", () => {
  expect(["1d10h30m", "90s", "1.5h", "250ms", "10us", "3µs"].map(parseDuration)).toEqual([
    124_200_000, 90_000, 5_400_000, 250, 0.01, 0.003,
  ])
  expect(["", "5", "s", "5 s", "5x", "-5s", "1s2"].map(parseDuration)).toEqual(Array(7).fill(undefined))
  expect(["10s", "1d2h", "1.5h", "5ms", "5"].map(parseHeaderDuration)).toEqual([
    10_000,
    93_600_000,
    undefined,
    undefined,
    undefined,
  ])
})
