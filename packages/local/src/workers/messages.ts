import * as z from "zod"

/** Over the channel between the pool and a worker, as JSON. */
export const ToWorker = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("call"),
    call: z.object({
      handler: z.string(),
      event: z.unknown(),
      requestId: z.string(),
      timeoutMs: z.number(),
      memoryMb: z.number(),
    }),
  }),
  z.object({ kind: z.literal("stop") }),
])
export type ToWorker = z.infer<typeof ToWorker>

export const FromWorker = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("returned"), requestId: z.string(), result: z.unknown() }),
  z.object({ kind: z.literal("threw"), requestId: z.string() }),
])
export type FromWorker = z.infer<typeof FromWorker>
