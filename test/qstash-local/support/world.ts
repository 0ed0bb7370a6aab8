import { Client, Receiver as Verifier } from "@upstash/qstash"
import { type QStash, type QStashOptions, startQStash, type VirtualClock, virtualClock } from "qstash-local"
import { onTestFinished } from "vitest"
import "./quiet-sdk.ts"
import { rawCall } from "./raw-call.ts"
import { type Answering, type Receiver, startReceiver } from "./receiver.ts"

export type World = {
  readonly qstash: QStash
  readonly clock: VirtualClock
  readonly receiver: Receiver
  readonly client: Client
  readonly verifier: Verifier
  /** Calls the API as it stands; the path is not normalised. */
  call(
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: string | Buffer,
  ): Promise<Called>
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
export type Called = { status: number; headers: Record<string, any>; body: any }

/** A QStash with a virtual clock, the published SDK as its client, and someone to deliver to. */
export async function startWorld(
  options: QStashOptions & { answering?: Answering; patience?: number } = {},
): Promise<World> {
  const { answering, patience, ...rest } = options
  const receiver = await startReceiver(answering)
  const clock = virtualClock(undefined, patience === undefined ? {} : { patience })
  const qstash = await startQStash({ port: 0, clock, ...rest })
  onTestFinished(() => qstash.close())
  return {
    qstash,
    clock,
    receiver,
    client: new Client({
      baseUrl: qstash.url,
      token: qstash.token,
      enableTelemetry: false,
      retry: false,
      devMode: false,
    }),
    verifier: new Verifier({
      currentSigningKey: qstash.currentSigningKey,
      nextSigningKey: qstash.nextSigningKey,
      devMode: false,
    }),
    call: (method, path, headers = {}, body) =>
      rawCall(qstash.port, method, path, { authorization: `Bearer ${qstash.token}`, ...headers }, body),
  }
}
