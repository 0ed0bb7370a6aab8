import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { Context } from "../context.ts"
import { bent } from "../faults/bend.ts"
import type { Effect } from "../faults/effects.ts"
import { contentOf } from "../operations/rehash.ts"
import type { Headers, Reply } from "./reply.ts"

export type Wire = {
  readonly response: ServerResponse
  readonly socket: Socket
  readonly effect: Effect | undefined
}

/** Sends a reply and lets go of its content; resolves when all is handed to the network or the client is gone. */
export async function send(context: Context, wire: Wire, reply: Reply): Promise<void> {
  const { response } = wire
  try {
    writeHead(response, reply)
    const whole = wholeBody(context, reply)
    const bends = bendsAnswers(wire.effect)
    if (whole && !bends) return void response.end(whole)
    if (bends) response.flushHeaders()
    await pour(response, streamed(context, wire, reply))
  } finally {
    if (reply.content) context.depot.release(reply.content.blobs)
  }
}

const bendsAnswers = (effect: Effect | undefined) =>
  effect !== undefined && ["slow", "flip", "stall", "cut", "reset"].includes(effect.kind)

/** The body where it is at hand in one piece. */
function wholeBody({ depot }: Context, { body, content }: Reply): Buffer | undefined {
  if (!content) return Buffer.from(body ?? "")
  const [only, ...others] = content.blobs
  if (!only || others.length > 0) return undefined
  const piece = depot.read(only, content.start, content.end)
  return Buffer.isBuffer(piece) ? piece : undefined
}

function streamed(
  context: Context,
  { effect, socket }: Wire,
  { body, content }: Reply,
): AsyncIterable<Buffer> {
  if (content) {
    const { blobs, start, end } = content
    return bent(contentOf(context, blobs, start, end), effect, { length: end - start, socket })
  }
  const bytes = Buffer.from(body ?? "")
  return bent(
    (async function* () {
      yield bytes
    })(),
    effect,
    { length: bytes.length, socket },
  )
}

function writeHead(response: ServerResponse, { status, headers, body, content }: Reply) {
  const bodyless = status === 204 || status === 304 || content !== undefined
  const all: Headers = {
    ...(body !== undefined && { "Content-Type": "application/xml" }),
    ...(!bodyless && { "Content-Length": Buffer.byteLength(body ?? "") }),
    ...headers,
  }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) response.setHeader(name, value)
  response.writeHead(status)
}

/** Writes at the pace of the reader; stops without a fuss where it has gone. */
async function pour(response: ServerResponse, source: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of source) {
    if (response.destroyed) return
    if (!response.write(chunk)) await writable(response)
  }
  response.end()
}

const writable = (response: ServerResponse) =>
  new Promise<void>((resolve) => {
    const settle = () => {
      response.off("drain", settle)
      response.off("close", settle)
      resolve()
    }
    response.on("drain", settle)
    response.on("close", settle)
    if (response.destroyed) settle()
  })
