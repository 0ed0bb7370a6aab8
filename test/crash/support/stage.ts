import { randomUUID } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type QStash, startQStash } from "qstash-local"
import { handler as authorize } from "../../../packages/functions/src/api/authorizer.ts"
import { dispatcher } from "../../../packages/functions/src/dispatch/index.ts"
import { systemClock, type World } from "../../../packages/functions/src/jobs/world.ts"
import { routes } from "../../../packages/functions/src/routes.ts"
import { startGateway } from "../../../packages/local/src/gateway/gateway.ts"
import type { Invocation } from "../../../packages/local/src/gateway/invoke.ts"
import { startDynamo } from "../../support/dynamodb.ts"
import { type Control, command, type Line, linesFile } from "./control.ts"
import { bundleFunctions, type FunctionName, type Functions, startFunctions } from "./functions.ts"
import { type LeapingClock, leapingClock } from "./leaping-clock.ts"

export type Stage = {
  readonly folder: string
  readonly clock: LeapingClock
  readonly qstash: QStash
  readonly world: World
  /** Where the API is. */
  readonly url: string
  /** The sweeper's minute, in a process of its own. */
  sweep(): Promise<void>
  /** Tell the processes, from their next call on; what they told before is forgotten. */
  tell(control: Omit<Control, "ahead">): void
  /** Let time go by; what falls due begins. */
  leap(ms: number): void
  /** Everything the processes have told since. */
  lines(): readonly Line[]
  /** Called when a process has died at its work, before anything goes on. */
  onDeath(run: () => Promise<void>): void
  close(): Promise<void>
}

/**
 * All that is around a function, for real: DynamoDB, QStash, the gateway in front, and processes of the local service's pool
 * that run the deployed bundles. Only the clock leaps, for all of them alike.
 */
export async function startStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "imgmigrator-crash-"))
  const clock = leapingClock()
  const [dynamo, qstash] = await Promise.all([
    startDynamo(),
    startQStash({ port: 0, clock }),
    bundleFunctions(folder),
  ])
  let control: Omit<Control, "ahead"> = { places: {} }
  let isDead: () => Promise<void> = async () => {}
  const lines = (): Line[] =>
    readFileSync(join(folder, linesFile), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
  const write = () => {
    command(folder, { ...control, ahead: clock.ahead() })
  }

  let functions: Functions | undefined
  /** Have one called, and see what became of it before anything goes on. */
  const call = async (name: FunctionName, event: unknown, requestId: string, gone: AbortSignal) => {
    write()
    const invocation = (await functions?.run(name, event, requestId, gone)) ?? { failed: "error" as const }
    const told = lines()
    clock.leapTo(Math.max(0, ...told.map(({ ahead = 0 }) => ahead)))
    // Whoever comes next is not to die of it again.
    const { point: _met, ...rest } = control
    if (told.some(({ at }) => at === "killed")) control = rest
    if ("failed" in invocation && invocation.failed === "crashed") {
      functions?.warm(name)
      await isDead()
    }
    return invocation
  }
  /** A lane's deliveries one after the other: which process has the next is no chance then, nor whether it looks at a store anew. */
  const turns = new Map<string, Promise<unknown>>()
  const inTurn = (event: unknown, run: () => Promise<Invocation>): Promise<Invocation> => {
    const [lane] = /"lane.{0,5}\d+/.exec(JSON.stringify(event)) ?? [""]
    const turn = (turns.get(lane) ?? Promise.resolve()).then(run)
    turns.set(lane, turn)
    return turn
  }
  const gateway = await startGateway({
    host: "127.0.0.1",
    port: 0,
    routes: routes.filter(({ access, name }) => access === "qstash" || name === "create-migration"),
    invoke: ({ access }, event, requestId, gone) =>
      access === "qstash"
        ? inTurn(event, () => call("worker", event, requestId, gone))
        : call("create", event, requestId, gone),
    authorizer: async (event) => ({ result: await authorize(event as Parameters<typeof authorize>[0]) }),
  })
  const settings = {
    BASE_URL: gateway.url,
    IMGMIGRATOR_LOCAL: "1",
    POWERTOOLS_LOG_LEVEL: process.env.DEBUG_CRASH ? "INFO" : "SILENT",
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
    QSTASH_PLAN: "payg",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local-secret",
  }
  Object.assign(process.env, settings)
  functions = startFunctions(folder, settings)
  // One at work, and one that is ready when it dies.
  functions.warm("worker")
  functions.warm("worker")
  return {
    folder,
    clock,
    qstash,
    world: {
      clock: { now: clock.now, sleep: systemClock.sleep },
      random: Math.random,
      dispatcher,
      open: () => Promise.reject(new Error("Only the workers have to do with stores.")),
    },
    tell: (told) => {
      control = { ...told, places: { ...told.places, [qstash.url]: "queue" } }
      writeFileSync(join(folder, linesFile), "")
    },
    url: gateway.url,
    sweep: async () => {
      await call("sweeper", {}, randomUUID(), new AbortController().signal)
    },
    leap: (ms) => clock.leapTo(clock.ahead() + ms),
    lines,
    onDeath: (run) => {
      isDead = run
    },
    close: async () => {
      await functions?.close()
      await gateway.close()
      await qstash.close()
      await dynamo.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
