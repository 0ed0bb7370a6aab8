import { Socket } from "node:net"

/** Where a connection stands. Until an answer's head is whole, undici keeps slices of what it was given. */
type Connection = { isInBody: boolean }

/**
 * One buffer for all connections: Node fills it, undici parses it and its reader copies what he wants, all in one turn.
 * Otherwise each read is 64 KB of new memory outside V8's heap, mapped by page faults and counted by V8, which goes through
 * its whole heap for every few dozen MB of them. That took more CPU than the SHA-256 of the same bytes (bench/profile).
 */
const shared = Buffer.allocUnsafeSlow(128 * 1024)
/** What may belong to a head is copied in pieces of this size, so that nothing of it lies in shared memory. */
const headPiece = 2 * 1024
const nothing = Buffer.alloc(0)

const receivers = new WeakMap<Socket, (chunk: Buffer) => boolean>()
let parsed: Connection = { isInBody: false }

/** The connection whose answer is being parsed: undici parses directly after the read that gave it the bytes. */
export const parsedConnection = (): Connection => parsed

/** For net.connect and tls.connect; the socket, once connected, is for `receive`. */
export const onread = {
  buffer: shared,
  // Node calls it as a method of the socket (lib/internal/stream_base_commons.js, onStreamRead).
  callback(this: unknown, size: number): boolean {
    if (!(this instanceof Socket)) throw new Error("Node gives bytes to what is no socket.")
    const receiver = receivers.get(this)
    if (receiver) return receiver(shared.subarray(0, size))
    this.destroy(new Error("Bytes came before the connection was made."))
    return false
  },
}

/** Gives undici, which asks a readable socket for its bytes, those in shared memory. */
export function receive(socket: Socket): void {
  const connection: Connection = { isInBody: false }
  const { read } = socket
  let chunk: Buffer = nothing

  socket.read = (size?: number) => {
    parsed = connection
    if (chunk.length === 0 || size !== undefined) return read.call(socket, size)
    const piece = connection.isInBody ? chunk : Buffer.from(chunk.subarray(0, headPiece))
    chunk = chunk.subarray(piece.length)
    return piece
  }

  receivers.set(socket, (came) => {
    chunk = came
    // What waits in the stream itself goes first.
    if (socket.readableLength === 0) socket.emit("readable")
    if (chunk.length === 0) return true
    const rest = Buffer.from(chunk)
    chunk = nothing
    socket.push(rest)
    return false
  })
}
