/** Lambda answers with 6 MB at most (AWS: Lambda quotas); escapes and what stands around the entries take their part. */
const budget = 4 * 1024 * 1024

/** How many of the entries, from the first, may stand in one answer; at least one. */
export function fitting(entries: readonly unknown[]): number {
  let bytes = 0
  const over = entries.findIndex((entry) => {
    bytes += Buffer.byteLength(JSON.stringify(entry))
    return bytes > budget
  })
  return over < 0 ? entries.length : Math.max(1, over)
}
