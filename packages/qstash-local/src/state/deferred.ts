export type Deferred = { readonly promise: Promise<void>; resolve(): void; reject(reason: unknown): void }

/** A promise with its handles. (Promise.withResolvers came with Node 22; dist/ runs on 20.) */
export function deferred(): Deferred {
  let resolve: () => void = () => undefined
  let reject: (reason: unknown) => void = () => undefined
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
