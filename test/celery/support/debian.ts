import { existsSync } from "node:fs"

/** Debian's packages, by a file that each brings. */
const files = {
  "redis-server": "/usr/bin/redis-server",
  "rabbitmq-server": "/usr/lib/rabbitmq/bin/rabbitmq-server",
  "python3-celery": "/usr/lib/python3/dist-packages/celery/__init__.py",
  "python3-redis": "/usr/lib/python3/dist-packages/redis/__init__.py",
} as const

/** Are these installed? If not, says so in a line of its own, since a skipped test is easily overlooked. */
export function installed(...packages: readonly (keyof typeof files)[]): boolean {
  const missing = packages.filter((name) => !existsSync(files[name]))
  if (missing.length === 0) return true
  console.log(`Skipped: tests with ${packages.join(", ")}. To run them: apt-get install ${missing.join(" ")}`)
  return false
}
