import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Those that take longest, most of it waiting for programs that they started; begun last, they would end alone. */
const longest = [
  "celery/migration",
  "journey/cli-crash",
  "crash/crash",
  "celery/worker-rabbitmq",
  "journey/cli-serve",
  "infra/handlers",
  "s3-local/tools",
  "journey/cli-demo",
  "ledger/process",
  "celery/worker-redis",
  "infra/mistakes",
  "packages/published",
  "api/fuzz",
  "faults/large",
  "journey/cli-migrate",
  "journey/stores",
  "journey/lists",
]

/** Files in the order of how long they take, within their project: as `longest` has them, then the largest first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
      return at < 0 ? longest.length : at
    }
    const sorted = await super.sort(files)
    return sorted.sort((a, b) => a.project.name.localeCompare(b.project.name) || place(a) - place(b))
  }
}
