import { expect, test } from "vitest"
import type { Asked, Forward, Reply } from "./proxy.ts"
import { allMigrated, images, keys, type Scene, startScene } from "./scene.ts"

export const always = Number.POSITIVE_INFINITY

/** A fault, and what must come of it. Without more, all arrives and the migration completes. */
export type Case = {
  readonly fault: string
  readonly arrange: (scene: Scene) => unknown
  /** Items in flight; 1 where it matters which comes first. */
  readonly concurrency?: number
  /** The other side falls silent: it is given up soon. */
  readonly stalls?: true
  /** Both buckets by one address: copies are the server's. */
  readonly inside?: true
  readonly status?: "failed" | "completed_with_failures"
  /** Why it stopped. */
  readonly error?: string
  /** Items that end otherwise than `migrated`. */
  readonly fate?: Readonly<Record<string, string>>
  /** What the migration says it waits for. */
  readonly waiting?: RegExp
  readonly answers?: readonly string[]
  /** Pauses before another try in place, at least so many. */
  readonly pauses?: number
}

type Target = { readonly operation: string | undefined; readonly key: string | undefined }
/** For the switches of the strict S3: an operation on an image, or on this one. */
export const on = (operation: string, key?: string) => (asked: Target) =>
  asked.operation === operation && (key === undefined ? keys.includes(asked.key ?? "") : asked.key === key)
export const listing = ({ operation }: Target) => operation === "ListObjectsV2"

const isImage = ({ path }: Asked) => keys.some((key) => path.endsWith(`/${key}`))
export const reads = (asked: Asked) => asked.method === "GET" && isImage(asked)
export const writes = (asked: Asked) => asked.method === "PUT" && isImage(asked)

export const refusal = (status: number, code: string): Reply => ({
  status,
  headers: { "content-type": "application/xml" },
  body: Buffer.from(`<Error><Code>${code}</Code></Error>`),
})

/** The answer says that it is longer, or shorter, than it is. */
export const misstated = (by: number) => async (_: Asked, forward: Forward) => {
  const reply = await forward()
  const headers = { ...reply.headers, "content-length": reply.body.length + by }
  return { ...reply, headers, closes: true }
}

/** One migration by the real jobs with this fault: how it ends, what the books say, and every byte that arrived. */
export function prove(each: Case) {
  const { status = "completed", fate = {} } = each
  const end = each.error
    ? `stops with ${each.error}`
    : status === "completed"
      ? "all arrives"
      : "only it fails"
  test(`${each.fault}: ${end}`, async () => {
    const scene = await startScene(each.stalls ? { bodyMs: 400 } : {})
    await scene.fill()
    await each.arrange(scene)
    const { id } = await scene.begin({
      ...(each.inside && { destination: { ...scene.destinationRef, endpoint: scene.source.url } }),
      options: { concurrency: each.concurrency ?? 2 },
    })
    const ending = await scene.drive(id)
    expect(scene.injected(), "the fault came").toBeGreaterThan(0)
    expect(ending.row).toMatchObject({ status, ...(each.error && { error: { code: each.error } }) })
    if (!each.error) expect(ending.outcomes).toEqual({ ...allMigrated, ...fate })
    if (each.answers) expect(ending.answers).toEqual(each.answers)
    if (each.waiting) expect(ending.waiting.join()).toMatch(each.waiting)
    expect(scene.clock.waited.length).toBeGreaterThanOrEqual(each.pauses ?? 0)
    await checkArrived(scene, ending.outcomes)
  })
}

/** What the books call migrated is there byte by byte; nothing half-way is under any name. */
export async function checkArrived(scene: Scene, outcomes: Readonly<Record<string, string>>) {
  scene.s3.faults.clear()
  const arrived = await scene.to.all()
  for (const [key, bytes] of Object.entries(arrived))
    expect(bytes.equals(images[key] ?? Buffer.alloc(0)), key).toBe(true)
  const migrated = Object.keys(outcomes).filter((key) => outcomes[key] === "migrated")
  expect(Object.keys(arrived)).toEqual(expect.arrayContaining(migrated))
}
