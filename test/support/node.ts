/** For programs of Node that get an environment of their own, that they start as quickly as the others (vitest.config.ts). */
export const quickNode = (): Readonly<Record<string, string>> => {
  const { GLIBC_TUNABLES = "", NODE_COMPILE_CACHE = "", NODE_OPTIONS = "" } = process.env
  return { GLIBC_TUNABLES, NODE_COMPILE_CACHE, NODE_OPTIONS }
}
