import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ChannelModel, connect } from "amqplib"
import { freePort } from "../../support/dynamodb.ts"
import { collector } from "./collector.ts"
import type { Broker } from "./contract.ts"
import { run } from "./process.ts"
import { queue } from "./publisher.ts"
import { selfSigned } from "./self-signed.ts"

/** Debian's RabbitMQ, on ports and in a folder of its own, with a port mapper (epmd) of its own, both ended with it. */
export async function startRabbitmq(): Promise<
  Broker & { readonly tls: { readonly url: string; readonly ca: string } }
> {
  const dir = await mkdtemp(join(tmpdir(), "imgmigrator-rabbitmq-"))
  await mkdir(join(dir, "home"))
  const [port, tlsPort, distribution, mapper] = await Promise.all([0, 0, 0, 0].map(freePort))
  const { certificate, key } = selfSigned(dir)
  const config = `listeners.ssl.1 = 127.0.0.1:${tlsPort}
ssl_options.cacertfile = ${certificate}
ssl_options.certfile = ${certificate}
ssl_options.keyfile = ${key}
ssl_options.verify = verify_none
`
  await writeFile(join(dir, "rabbitmq.conf"), config)
  const name = `test${port}@localhost`
  const env = {
    HOME: join(dir, "home"),
    RABBITMQ_NODENAME: name,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: join(dir, "mnesia"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_CONFIG_FILE: join(dir, "rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, "plugins"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    ERL_EPMD_PORT: String(mapper),
    ERL_CRASH_DUMP: "/dev/null",
    // Not behind the script, which would outlive nothing but be killed in its stead.
    RABBITMQ_ALLOW_INPUT: "1",
    RABBITMQ_SERVER_START_ARGS: "-noinput",
    // Erlang has the name from the start: else RabbitMQ starts a second Erlang, to see to a port mapper that is there.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      `-sname ${name} -kernel inet_dist_use_interface {127,0,0,1}`,
      `inet_dist_listen_min ${distribution} inet_dist_listen_max ${distribution}`,
    ].join(" "),
  }
  const epmd = run("/usr/bin/epmd", ["-port", String(mapper), "-address", "127.0.0.1"])
  const boot = async () => {
    const server = run("/usr/lib/rabbitmq/bin/rabbitmq-server", [], { env, cwd: dir })
    await server.line(/Server startup complete/)
    return server
  }
  let server = await boot()
  const url = `amqp://guest:guest@127.0.0.1:${port}//`
  const dead = collector()
  let reader: ChannelModel | undefined
  const open = async () => {
    reader = await collectDead(url, dead)
  }
  await open()
  return {
    url,
    tls: { url: `amqps://guest:guest@localhost:${tlsPort}//`, ca: certificate },
    putTask: (headers, body, contentType = "application/json") => put(url, headers, body, contentType),
    dead: dead.find,
    // A message is with a consumer or in the queue, and nothing in between.
    holds: async () => {},
    kill: () => server.end("SIGKILL"),
    boot: async () => {
      server = await boot()
      await open()
    },
    async close() {
      await reader?.close()
      await server.end("SIGKILL")
      await epmd.end()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function collectDead(url: string, dead: ReturnType<typeof collector>): Promise<ChannelModel> {
  const connection = await connect(url)
  connection.on("error", () => {})
  const channel = await connection.createChannel()
  channel.on("error", () => {})
  await channel.assertQueue(`${queue}.dead`, { durable: true })
  await channel.consume(
    `${queue}.dead`,
    (message) => {
      if (message) dead.add({ body: message.content.toString(), headers: message.properties.headers ?? {} })
    },
    { noAck: true },
  )
  return connection
}

async function put(
  url: string,
  headers: Readonly<Record<string, unknown>>,
  body: string,
  contentType: string,
) {
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  channel.sendToQueue(queue, Buffer.from(body), { headers, contentType, contentEncoding: "utf-8" })
  await channel.waitForConfirms()
  await connection.close()
}
