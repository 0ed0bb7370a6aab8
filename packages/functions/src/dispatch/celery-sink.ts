import { type Broker, brokerNames } from "./celery-broker.ts"
import type { Task } from "./celery-message.ts"
import { within } from "./patience.ts"

/** An open connection to a broker. */
export type Sink = {
  /** Resolves once the broker has the task. `deduplicated`: it had it already. */
  send(queue: string, task: Task): Promise<{ readonly deduplicated: boolean }>
  close(): Promise<void>
}

/** Closed after this long without use: a process may then end, and a function that sleeps holds no connection. */
const idleMs = 10_000

type Kept = { readonly sink: Promise<Sink>; timer?: NodeJS.Timeout; users: number }
const kept = new Map<string, Kept>()

/**
 * Use the one connection to this broker, made when there is none, for up to `timeoutMs`. After any failure it is given
 * up, so that the next use makes a new one: that is all there is to reconnecting.
 */
export async function withSink<Result>(
  broker: Broker,
  timeoutMs: number,
  run: (sink: Sink) => Promise<Result>,
): Promise<Result> {
  const open = await opener(broker)
  const name = JSON.stringify(broker)
  const mine = kept.get(name) ?? { sink: open(timeoutMs), users: 0 }
  kept.set(name, mine)
  clearTimeout(mine.timer)
  mine.users += 1
  try {
    return await within(timeoutMs, brokerNames[broker.kind], mine.sink.then(run))
  } catch (error) {
    if (kept.get(name) === mine) kept.delete(name)
    throw error
  } finally {
    mine.users -= 1
    if (mine.users === 0 && kept.get(name) === mine) mine.timer = setTimeout(() => end(name, mine), idleMs)
    else if (mine.users === 0) end(name, mine)
  }
}

/** End all connections; for who shuts down, and would not wait until they are idle. */
export async function closeSinks(): Promise<void> {
  await Promise.all([...kept].map(([name, each]) => end(name, each)))
}

async function end(name: string, { sink, timer }: Kept): Promise<void> {
  clearTimeout(timer)
  if (kept.get(name)?.sink === sink) kept.delete(name)
  // Whatever is wrong with it: nobody waits for it any more.
  await sink.then((opened) => opened.close()).catch(() => {})
}

/** Clients of brokers are loaded by who uses one: on a busy machine that alone may take as long as a publish may. */
async function opener(broker: Broker): Promise<(timeoutMs: number) => Promise<Sink>> {
  if (broker.kind === "redis") {
    const { openRedis } = await import("./celery-redis.ts")
    return (timeoutMs) => openRedis(broker, timeoutMs)
  }
  const { openRabbitmq } = await import("./celery-rabbitmq.ts")
  return (timeoutMs) => openRabbitmq(broker, timeoutMs)
}
