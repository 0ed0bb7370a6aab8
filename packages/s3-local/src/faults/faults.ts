import type { Operation } from "../http/operation.ts"
import type { Effect } from "./effects.ts"

/** What a fault may look at to choose its victims. */
export type FaultTarget = {
  readonly method: string
  readonly operation: Operation | undefined
  readonly bucket: string | undefined
  readonly key: string | undefined
}

export type Injection = {
  readonly effect: Effect
  /** Which requests; all of them by default. */
  readonly when?: (request: FaultTarget) => boolean
  /** How many requests; 1 by default, `Infinity` for all. */
  readonly times?: number
}

/** The switches. A request gets at most one fault: the oldest one that matches it and is not used up. */
export type Faults = {
  /** Returns a function that switches this fault off again. */
  inject(injection: Injection): () => void
  /** Switches all faults off. */
  clear(): void
  /** How many requests got a fault so far. */
  readonly injected: number
}

export type FaultBox = Faults & { take(request: FaultTarget): Effect | undefined }

export function faultBox(): FaultBox {
  let active: { readonly injection: Injection; left: number }[] = []
  let injected = 0
  return {
    inject(injection) {
      const entry = { injection, left: injection.times ?? 1 }
      active.push(entry)
      return () => {
        active = active.filter((each) => each !== entry)
      }
    },
    clear() {
      active = []
    },
    get injected() {
      return injected
    },
    take(request) {
      const entry = active.find(({ injection, left }) => left > 0 && (injection.when?.(request) ?? true))
      if (!entry) return undefined
      entry.left--
      injected++
      if (entry.left <= 0) active = active.filter((each) => each !== entry)
      return entry.injection.effect
    },
  }
}
