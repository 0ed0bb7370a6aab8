import type { Dead } from "./contract.ts"

/** Dead letters as they come, and who waits for one. */
export function collector() {
  const all: Dead[] = []
  let waiting: (() => void)[] = []
  return {
    add(dead: Dead) {
      all.push(dead)
      const woken = waiting
      waiting = []
      for (const each of woken) each()
    },
    async find(reason: RegExp, body?: string): Promise<Dead> {
      for (;;) {
        const found = all.find(
          (each) =>
            reason.test(String(each.headers.imgmigrator_reason)) &&
            (body === undefined || each.body === body),
        )
        if (found) return found
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
  }
}
