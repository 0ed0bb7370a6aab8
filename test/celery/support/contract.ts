import { describe, expect, test } from "vitest"
import { faultOf, publish, publishAt } from "./publisher.ts"
import type { Webhook } from "./webhook.ts"
import type { Worker } from "./worker.ts"

export type Dead = {
  /** As it was in the queue. */
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
}

export type Broker = {
  readonly url: string
  /** Put something into the queue that we never would. */
  putTask(headers: Readonly<Record<string, unknown>>, body: string, contentType?: string): Promise<void>
  /** Resolves with a dead letter whose reason matches, and whose body is this. */
  dead(reason: RegExp, body?: string): Promise<Dead>
  /** Resolves once it has noted so many messages as being worked at, and so many as waiting. */
  holds(handed: number, waiting: number): Promise<void>
  kill(): Promise<void>
  boot(): Promise<void>
  close(): Promise<void>
}

type Started = { broker(): Broker; webhook(): Webhook; worker(): Worker }

const again = (after: string) => ({ status: 503, headers: { "retry-after": after } })

/** What must hold with each broker: a real worker of Celery's, with our task, runs what we publish. */
export function celeryContract({ broker, webhook, worker }: Started) {
  const url = () => broker().url
  const putOurs = (id: string, kwargs: object, task = "imgmigrator.process_migration") =>
    broker().putTask({ task, id, lang: "py", retries: 0 }, JSON.stringify([[], kwargs, {}]))

  describe.concurrent("a worker", () => {
    test("delivers the payload to the webhook, signed, with the message's id", async () => {
      const expected = webhook().expect("plain")
      const id = await publish(url(), "plain")
      const { path, headers, payload } = await expected.nth(1)
      expect(path).toBe("/api/v1/webhooks/qstash")
      expect(payload).toEqual({ migration_id: "plain", user_id: "ana", lane: 0 })
      expect(headers).toMatchObject({
        "content-type": "application/json",
        "upstash-message-id": id,
        "upstash-retried": "0",
      })
    })

    test("runs a task with positional arguments and numbers, as other backends send them", async () => {
      const expected = webhook().expect("123")
      await broker().putTask(
        { task: "imgmigrator.process_migration", id: "positional", lang: "py", retries: 0 },
        JSON.stringify([[123, 1], {}, {}]),
      )
      expect((await expected.nth(1)).payload).toEqual({ migration_id: 123, user_id: 1 })
    })

    test("keeps a delayed message until it is due", async () => {
      const expected = webhook().expect("delayed")
      const due = Date.now() + 2_000
      await publish(url(), "delayed", { delaySeconds: 2 })
      expect((await expected.nth(1)).at).toBeGreaterThanOrEqual(due)
    })

    test("throws away what has expired, and only that", async () => {
      const expired = webhook().expect("expired")
      const id = await publishAt(url(), "expired", Date.now() - 2 * 3_600_000 - 1_000)
      await worker().line(new RegExp(`Discarding revoked task.*${id}`))
      expect(expired.received).toEqual([])
    })

    test("tries again when the webhook says, with the same id, counting", async () => {
      const expected = webhook().expect("again", (_, nth) => (nth < 3 ? again("1") : { status: 200 }))
      const id = await publish(url(), "again")
      const third = await expected.nth(3)
      const [first, second] = expected.received
      expect(expected.received.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "1", "2"])
      expect(new Set(expected.received.map(({ headers }) => headers["upstash-message-id"]))).toEqual(
        new Set([id]),
      )
      expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000)
      expect(third.at - (second?.at ?? 0)).toBeGreaterThanOrEqual(1_000)
    })

    test("gives up at once at 489, tells the failure callback, and keeps the message with the reason", async () => {
      const never = {
        status: 489,
        headers: { "upstash-nonretryable-error": "true" },
        body: "no such migration",
      }
      const expected = webhook().expect("never", () => never)
      const id = await publish(url(), "never")
      const report = await webhook().report(id)
      expect(report.payload).toMatchObject({ status: 489, retried: 0, sourceMessageId: id })
      expect(JSON.parse(Buffer.from(String(report.payload.sourceBody), "base64").toString())).toMatchObject({
        migration_id: "never",
      })
      const dead = await broker().dead(/^489: no such migration$/)
      expect(dead.headers).toMatchObject({ id, task: "imgmigrator.process_migration" })
      expect(JSON.parse(dead.body)[1]).toEqual({ migration_id: "never", user_id: "ana", lane: 0 })
      expect(expected.received).toHaveLength(1)
    })

    test("gives up when it has tried often enough, and tells it", async () => {
      const expected = webhook().expect("exhausted", () => again("0"))
      const id = await publish(url(), "exhausted")
      expect((await webhook().report(id)).payload).toMatchObject({ status: 503, retried: 3, maxRetries: 3 })
      expect((await broker().dead(/^tried 4 times, at last 503/)).headers).toMatchObject({ id })
      expect(expected.received).toHaveLength(4)
    })

    test("keeps foreign tasks, foreign formats and arguments that are none as dead letters, with the reason", async () => {
      await putOurs("foreign", { x: 1 }, "other.task")
      expect(await broker().dead(/There is no task 'other.task' here/)).toMatchObject({
        body: '[[],{"x":1},{}]',
        headers: { id: "foreign" },
      })
      await broker().putTask({ hello: "world" }, "not even JSON")
      expect((await broker().dead(/can't be decoded/)).body).toBe("not even JSON")
      await broker().putTask({ hello: "world" }, '{"not":"a task"}')
      expect((await broker().dead(/no task of Celery's/)).body).toBe('{"not":"a task"}')
      await broker().putTask(
        { task: "imgmigrator.process_migration", id: "p" },
        "cos\nsystem",
        "application/x-python-serialize",
      )
      expect((await broker().dead(/untrusted content of type pickle/)).body).toBe("cos\nsystem")
      await putOurs("argument", { user_id: "ana" })
      expect((await broker().dead(/missing 1 required positional argument: 'migration_id'/)).headers.id).toBe(
        "argument",
      )
    })
  })

  test("a broker that is killed and comes back loses nothing it confirmed, and both sides find it again", async () => {
    const { promise: back, resolve: release } = Promise.withResolvers<void>()
    const names = Array.from({ length: 20 }, (_, n) => `killed-${n}`)
    const all = names.map((name) => webhook().expect(name, () => back.then(() => ({ status: 200 }))))
    await Promise.all(names.map((name) => publish(url(), name)))
    await broker().holds(2, 18)
    await broker().kill()
    const fault = await faultOf(publish(url(), "meanwhile"))
    expect(fault).toMatchObject({ kind: "unavailable", code: "dispatch.unreachable", retryAfterMs: 60_000 })
    await broker().boot()
    release()
    await Promise.all(all.map((each) => each.nth(1)))
    const expected = webhook().expect("meanwhile")
    await publish(url(), "meanwhile")
    await expected.nth(1)
  })

  test("a message whose worker process is killed is delivered again, and not as a first one", async () => {
    const { promise: killed, resolve: release } = Promise.withResolvers<void>()
    const expected = webhook().expect("child", async (_, nth) => {
      if (nth === 1) await killed
      return { status: 200 }
    })
    const id = await publish(url(), "child")
    await expected.nth(1)
    for (const pid of await worker().children()) process.kill(pid, "SIGKILL")
    const { headers } = await expected.nth(2)
    release()
    expect(headers).toMatchObject({ "upstash-message-id": id, "upstash-retried": "1" })
  })
}
