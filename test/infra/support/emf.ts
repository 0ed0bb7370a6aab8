import * as z from "zod"
import type { MetricUse } from "./monitoring.ts"

/** CloudWatch's embedded metric format (AWS: Specification: Embedded metric format). */
const Emf = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.array(
      z.object({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string() })),
      }),
    ),
  }),
})

/** The metrics that CloudWatch would read out of a function's log. */
export const emitted = (lines: readonly unknown[]): readonly MetricUse[] =>
  lines.flatMap((line) => {
    const parsed = Emf.safeParse(line)
    if (!parsed.success) return []
    return parsed.data._aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
      Metrics.flatMap(({ Name }) =>
        Dimensions.map((names) => ({
          namespace: Namespace,
          name: Name,
          dimensions: Object.fromEntries(names.map((name) => [name, String(parsed.data[name])])),
        })),
      ),
    )
  })
