import { expect, test } from "vitest"
import {
  amqpProperties,
  redisEnvelope,
  taskOf,
} from "../../packages/functions/src/dispatch/celery-message.ts"

const at = Date.UTC(2026, 10, 24, 4, 0, 0, 123)
const wish = {
  message: { migration_id: "mig_01", user_id: "ana@example.com", lane: 3 },
  deduplicationId: "0".repeat(64),
  at,
}

const headers =
  '{"lang":"py","task":"imgmigrator.process_migration","id":"60e05bd1-b195-8f2f-9411-2fa7197a5c88","shadow":null,' +
  '"eta":null,"expires":"2026-11-24T06:00:00.123000+00:00","group":null,"group_index":null,"retries":0,' +
  '"timelimit":[null,null],"root_id":"60e05bd1-b195-8f2f-9411-2fa7197a5c88","parent_id":null,"argsrepr":"()",' +
  "\"kwargsrepr\":\"{'migration_id': 'mig_01', 'user_id': 'ana@example.com', 'lane': 3}\"," +
  '"origin":"imgmigrator","ignore_result":true}'
const body =
  '[[],{"migration_id":"mig_01","user_id":"ana@example.com","lane":3},' +
  '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]'

test("a task is, byte for byte, protocol 2's body and headers", () => {
  const task = taskOf(wish)
  expect(task.body.toString()).toBe(body)
  expect(JSON.stringify(task.headers)).toBe(headers)
})

test("in Redis it lies in kombu's envelope, byte for byte", () => {
  expect(redisEnvelope(taskOf(wish), "imgmigrator", "11111111-2222-4333-8444-555555555555")).toBe(
    `{"body":"${Buffer.from(body).toString("base64")}","content-encoding":"utf-8",` +
      `"content-type":"application/json","headers":${headers},` +
      '"properties":{"correlation_id":"60e05bd1-b195-8f2f-9411-2fa7197a5c88","reply_to":"","delivery_mode":2,' +
      '"expiration":"7200000","delivery_info":{"exchange":"","routing_key":"imgmigrator"},"priority":0,' +
      '"body_encoding":"base64","delivery_tag":"11111111-2222-4333-8444-555555555555"}}',
  )
})

test("in RabbitMQ it is persistent JSON with the same headers, and expires with them", () => {
  const { headers: inProperties, ...properties } = amqpProperties(taskOf(wish))
  expect(JSON.stringify(inProperties)).toBe(headers)
  expect(properties).toEqual({
    contentType: "application/json",
    contentEncoding: "utf-8",
    correlationId: "60e05bd1-b195-8f2f-9411-2fa7197a5c88",
    replyTo: "",
    deliveryMode: 2,
    priority: 0,
    expiration: "7200000",
  })
})

test("a delay is an eta, and what the task lives longer", () => {
  const task = taskOf({ ...wish, delaySeconds: 90.5 })
  expect(task.headers).toMatchObject({
    eta: "2026-11-24T04:01:30.623000+00:00",
    expires: "2026-11-24T06:01:30.623000+00:00",
  })
  expect(task.expiresInMs).toBe(7_290_500)
})

test("a message for no lane in particular names none", () => {
  const task = taskOf({ ...wish, message: { migration_id: "123", user_id: "1" } })
  expect(JSON.parse(task.body.toString())[1]).toEqual({ migration_id: "123", user_id: "1" })
  expect(task.headers.kwargsrepr).toBe("{'migration_id': '123', 'user_id': '1'}")
})

test("an id is a UUID that only the deduplication id decides", () => {
  const idOf = (deduplicationId: string, later = 0) => taskOf({ ...wish, deduplicationId, at: at + later }).id
  expect(idOf("a")).toBe(idOf("a", 1_000))
  expect(idOf("a")).not.toBe(idOf("b"))
  for (const each of ["a", "b", "c", "d"])
    expect(idOf(each)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
