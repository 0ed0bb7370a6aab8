import { Fault } from "@imgmigrator/core/fault"
import { expect, test } from "vitest"
import { parseBroker } from "../../packages/functions/src/dispatch/celery-broker.ts"

test.for([
  ["redis://localhost", { kind: "redis", host: "localhost", port: 6379, database: 0 }],
  ["redis://localhost/", { kind: "redis", host: "localhost", port: 6379, database: 0 }],
  ["redis://10.0.0.1:7000/3", { kind: "redis", host: "10.0.0.1", port: 7000, database: 3 }],
  ["redis://:p%40ss@h/0", { kind: "redis", host: "h", port: 6379, database: 0, password: "p@ss" }],
  [
    "redis://u:p@h/0?visibility_timeout=60",
    { kind: "redis", host: "h", port: 6379, database: 0, username: "u", password: "p" },
  ],
  ["redis://[::1]:1/0", { kind: "redis", host: "::1", port: 1, database: 0 }],
  ["rediss://h", { kind: "redis", host: "h", port: 6379, database: 0, tls: { verify: true } }],
  [
    "rediss://h/1?ssl_cert_reqs=CERT_NONE",
    { kind: "redis", host: "h", port: 6379, database: 1, tls: { verify: false } },
  ],
  [
    "rediss://h?ssl_cert_reqs=required&ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
    {
      kind: "redis",
      host: "h",
      port: 6379,
      database: 0,
      tls: { verify: true, ca: "/ca.pem", cert: "/c.pem", key: "/k.pem" },
    },
  ],
  ["amqp://h", { kind: "rabbitmq", host: "h", port: 5672, vhost: "/" }],
  ["amqp://h/", { kind: "rabbitmq", host: "h", port: 5672, vhost: "/" }],
  ["amqp://h//", { kind: "rabbitmq", host: "h", port: 5672, vhost: "/" }],
  ["amqp://h/%2F", { kind: "rabbitmq", host: "h", port: 5672, vhost: "/" }],
  [
    "amqp://me:s%3Ah@h:1/team%20a",
    { kind: "rabbitmq", host: "h", port: 1, vhost: "team a", username: "me", password: "s:h" },
  ],
  ["amqps://h/v", { kind: "rabbitmq", host: "h", port: 5671, vhost: "v", tls: { verify: true } }],
] as const)("%s is read as Celery reads it", ([url, broker]) => {
  expect(parseBroker(url)).toEqual(broker)
})

test.for([
  ["s3cret", "is no address of a broker"],
  ["http://s3cret@h", "is no address of a broker"],
  ["sqs://", "is no address of a broker"],
  ["redis://:s3cret@h:port/0", "is no address of a broker"],
  ["sentinel://:s3cret@h:26379", "is no address of a broker"],
  ["amqp://s3cret@a//;amqp://b//", "names several brokers"],
  ["redis://:s3cret@h/images", "does not end in the number of a Redis database"],
  ["redis://:100%s3cret@h/0", "has a % that encodes nothing"],
] as const)("%s is refused without a word of it", ([url, words]) => {
  const fault = faultOf(() => parseBroker(url))
  expect(fault).toMatchObject({ kind: "unavailable", code: "settings.invalid" })
  expect(fault.message).toContain(`CELERY_BROKER_URL ${words}`)
  expect(fault.message).not.toContain("s3cret")
})

function faultOf(run: () => unknown): Fault {
  try {
    run()
  } catch (error) {
    if (error instanceof Fault) return error
  }
  throw new Error("no Fault")
}
