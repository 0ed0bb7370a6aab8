import { once } from "node:events"
import type { Socket } from "node:net"
import type { Effect } from "./effects.ts"

/** A body on its way, up or down, with what a fault does to it. Ends by throwing where the fault breaks it. */
export function bent(
  source: AsyncIterable<Buffer>,
  effect: Effect | undefined,
  { length, socket }: { readonly length: number; readonly socket: Socket },
): AsyncIterable<Buffer> {
  const half = Math.floor(length / 2)
  switch (effect?.kind) {
    case "slow":
      return slowed(source, effect.bytesPerSecond, socket)
    case "flip":
      return flipped(source, effect.at ?? half)
    case "stall":
      return broken(source, effect.after ?? half, () => closed(socket))
    case "cut":
      return broken(source, effect.after ?? half, () => new Promise((resolve) => socket.end(resolve)))
    case "reset":
      return broken(source, effect.after ?? half, async () => void socket.resetAndDestroy())
    default:
      return source
  }
}

/** Passes `after` bytes on, does `how`, and is over. */
async function* broken(source: AsyncIterable<Buffer>, after: number, how: () => Promise<void>) {
  let left = after
  for await (const chunk of source) {
    if (left > 0) yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) break
  }
  await how()
  throw new Error("A fault broke the connection.")
}

async function* flipped(source: AsyncIterable<Buffer>, at: number) {
  let passed = 0
  for await (const chunk of source) {
    const here = at - passed
    passed += chunk.length
    if (here < 0 || here >= chunk.length) yield chunk
    if (here < 0 || here >= chunk.length) continue
    const other = Buffer.from(chunk)
    other.writeUInt8(other.readUInt8(here) ^ 1, here)
    yield other
  }
}

async function* slowed(source: AsyncIterable<Buffer>, bytesPerSecond: number, socket: Socket) {
  const size = Math.max(1, Math.floor(bytesPerSecond / 20))
  for await (const chunk of source)
    for (let at = 0; at < chunk.length; at += size) {
      const piece = chunk.subarray(at, at + size)
      await pause((1000 * piece.length) / bytesPerSecond, socket)
      yield piece
    }
}

const closed = async (socket: Socket) => {
  if (!socket.destroyed) await once(socket, "close")
}

/** Waits, but not for somebody who has gone. */
function pause(ms: number, socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      clearTimeout(timer)
      socket.off("close", settle)
      resolve()
    }
    const timer = setTimeout(settle, ms)
    socket.on("close", settle)
    if (socket.destroyed) settle()
  })
}
