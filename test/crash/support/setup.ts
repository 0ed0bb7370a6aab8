import type { Control } from "./control.ts"
import { type Files, type Place, sha256 } from "./places.ts"
import type { Stage } from "./stage.ts"

/** A migration that can be had again and again, each time between places of its own. */
export type Scene = {
  readonly name: string
  readonly leap?: Control["leap"]
  /** Asked for over HTTP, and swept by a process of its own: they can be killed too. */
  readonly isAsked?: boolean
  /** Names of its points; all unless given. */
  readonly kills?: RegExp
  /** And of those for every day. */
  readonly daily?: RegExp
  /** Who does what is chance: a point that nobody comes to is tried again. */
  readonly isChance?: boolean
  /** Too long for every day. */
  readonly isLong?: boolean
  prepare(stage: Stage, run: number): Promise<Setup>
}

export type Setup = {
  readonly wish: { readonly source: unknown; readonly destination: unknown; readonly options?: unknown }
  readonly places: Control["places"]
  readonly destination: Place
  /** What is to be at the destination in the end: SHA-256 by key. */
  readonly expected: ReadonlyMap<string, string>
  /**
   * Nothing tells that an item in flight had arrived, so it may be written once more: the second pass does not plan, and
   * the source has no dates.
   */
  readonly isWrittenAgain?: boolean
  /** Put right what failed: then the failed items are tried again, as a second pass. */
  mend?(): void
  /** Somebody has died: whoever waits for it goes on. */
  onDeath?(): void
  close(): Promise<void>
}

/** Like an image of its name: a JPEG's first and last bytes, and something in between that no other has. */
function image(name: string, size = 2_000): Buffer {
  const body = Buffer.alloc(size, `${name}\n`)
  return Buffer.concat([Buffer.from("ffd8ffe0", "hex"), body, Buffer.from("ffd9", "hex")])
}

export const named = (count: number, name = "photo"): Files =>
  new Map(Array.from({ length: count }, (_, i) => [`2024/${name}-${i}.jpg`, image(`${name} ${i}`)]))
/** Over 8 MiB: it goes in two parts. */
export const large: Files = new Map([["raw/large.dng", image("large", 9 * 1024 * 1024)]])
const sums = (files: Files) => new Map([...files].map(([key, bytes]) => [key, sha256(bytes)]))

/** What stands there already: one that is the same, and one that is not. */
export function already(files: Files): Files {
  const [[same, bytes] = ["", Buffer.alloc(0)], [other] = [""]] = [...files]
  return new Map([
    [same, bytes],
    [other, image("older", 1_000)],
  ])
}

export async function between(
  source: Place,
  destination: Place,
  files: Files,
  options: object = {},
): Promise<Setup> {
  return {
    wish: { source: source.ref, destination: destination.ref, options: { lanes: 1, ...options } },
    places: { [source.start]: "source", [destination.start]: "destination" },
    destination,
    expected: sums(files),
    close: async () => {
      await source.close()
      await destination.close()
    },
  }
}
