import { createRequire } from "node:module"

/** SST ends physical names in 8 random bytes; the same program must give the same plan. */
export function makeReproducible(): void {
  const crypto: typeof import("node:crypto") = createRequire(import.meta.url)("node:crypto")
  const { randomBytes } = crypto
  Reflect.set(crypto, "randomBytes", (size: number, ...rest: []) =>
    size === 8 ? Buffer.alloc(8, 7) : randomBytes(size, ...rest),
  )
}
