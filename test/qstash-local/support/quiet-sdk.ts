/** The SDK announces every answer that is no success on the console; here they are what is asked for. */
const aloud = { warn: console.warn, error: console.error }
for (const level of ["warn", "error"] as const)
  console[level] = (...words: unknown[]) => {
    if (!String(words[0]).startsWith("[Upstash QStash]")) aloud[level](...words)
  }
