import { syncBuiltinESMExports } from "node:module"
import timers from "node:timers/promises"
import zlib from "node:zlib"
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb"
import { current, nap } from "./process.ts"
import type { Table } from "./table/client.ts"

/**
 * What the code of ours finds outside itself is the simulation's, as long as it runs in one of its processes: pauses
 * take virtual time, chance is the seed's, compression does not use threads, and the AWS SDK's document client leads to
 * the engine in this process. Our own code is not touched. To be imported before any of it.
 */
const tables = new WeakMap<object, Table>()
export const lead = (time: object, table: Table) => tables.set(time, table)

const { setTimeout: wait } = timers
Reflect.set(timers, "setTimeout", (ms: number, value?: unknown, options?: { signal?: AbortSignal }) => {
  const proc = current()
  return proc ? nap(proc, ms, options?.signal).then(() => value) : wait(ms, value, options)
})

const { random } = Math
Math.random = () => current()?.random.next() ?? random()

// In turn, not in threads, or the order in which they end would be chance. A small window: a big one is what costs.
const quick = {
  params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1, [zlib.constants.BROTLI_PARAM_LGWIN]: 12 },
}
const { brotliCompress } = zlib
Reflect.set(
  zlib,
  "brotliCompress",
  (
    text: zlib.InputType,
    options: zlib.BrotliOptions,
    done: (error: Error | null, packed: Buffer) => void,
  ) => {
    if (current()) queueMicrotask(() => done(null, zlib.brotliCompressSync(text, quick)))
    else brotliCompress(text, options, done)
  },
)
syncBuiltinESMExports()

type Sent = { readonly input: object; readonly constructor: { readonly name: string } }
const { send } = DynamoDBDocumentClient.prototype
Reflect.set(
  DynamoDBDocumentClient.prototype,
  "send",
  function (this: unknown, command: Sent, ...rest: unknown[]) {
    const proc = current()
    const table = proc && tables.get(proc.time)
    if (!table) return Reflect.apply(send, this, [command, ...rest])
    return table.send(command.constructor.name.replace(/Command$/, ""), command.input)
  },
)
