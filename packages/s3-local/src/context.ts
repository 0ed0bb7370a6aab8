import type { Scope } from "./auth/canonical.ts"
import type { Buckets } from "./store/buckets.ts"
import type { Depot } from "./store/depot.ts"
import type { Journal } from "./store/journal.ts"

/** All that one server knows; operations get it as their first argument. */
export type Context = {
  readonly region: string
  readonly accessKeyId: string
  readonly sessionToken: string | undefined
  readonly signingKey: (scope: Scope) => Buffer
  /** ms since 1970. */
  readonly now: () => number
  readonly buckets: Buckets
  readonly depot: Depot
  readonly journal: Journal
}
