/**
 * Buffers of images, used again: memory from outside V8's heap is given back late, and a thousand images a second would
 * fill it faster. Sizes are rounded up to powers of two, large ones to whole MiB; what is lent and not given back is simply
 * collected.
 */
const smallest = 16 * 1024
/** Idle memory that is kept, in bytes. */
const kept = 32 * 1024 * 1024

const idle = new Map<number, ArrayBuffer[]>()
let idleBytes = 0

const mebibyte = 1024 * 1024

const roomFor = (size: number): number =>
  size > mebibyte
    ? Math.ceil(size / mebibyte) * mebibyte
    : Math.max(smallest, 2 ** Math.ceil(Math.log2(Math.max(1, size))))

/** A Buffer of exactly `size` bytes, with whatever was in it. */
export function lend(size: number): Buffer {
  const room = roomFor(size)
  const memory = idle.get(room)?.pop()
  if (memory) idleBytes -= room
  return Buffer.from(memory ?? Buffer.allocUnsafeSlow(room).buffer, 0, size)
}

/** Only when nobody reads or writes it any more: after its write was answered, never after one that failed. */
export function giveBack(buffer: Buffer): void {
  const { buffer: memory } = buffer
  const room = memory.byteLength
  if (!(memory instanceof ArrayBuffer) || room !== roomFor(room) || idleBytes + room > kept) return
  const same = idle.get(room)
  if (same) same.push(memory)
  else idle.set(room, [memory])
  idleBytes += room
}
