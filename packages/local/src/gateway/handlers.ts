type Module = Readonly<Record<string, unknown>>

/** The files of the functions, each loaded when it is first called. Written out, so that a bundle finds them. */
export const handlerFiles: Readonly<Record<string, () => Promise<Module>>> = {
  "api/authorizer": () => import("@imgmigrator/functions/api/authorizer"),
  "api/cancel-migration": () => import("@imgmigrator/functions/api/cancel-migration"),
  "api/create-migration": () => import("@imgmigrator/functions/api/create-migration"),
  "api/get-health": () => import("@imgmigrator/functions/api/get-health"),
  "api/get-migration": () => import("@imgmigrator/functions/api/get-migration"),
  "api/get-openapi": () => import("@imgmigrator/functions/api/get-openapi"),
  "api/get-progress": () => import("@imgmigrator/functions/api/get-progress"),
  "api/get-report": () => import("@imgmigrator/functions/api/get-report"),
  "api/list-migrations": () => import("@imgmigrator/functions/api/list-migrations"),
  "api/pause-migration": () => import("@imgmigrator/functions/api/pause-migration"),
  "api/resume-migration": () => import("@imgmigrator/functions/api/resume-migration"),
  "api/retry-migration": () => import("@imgmigrator/functions/api/retry-migration"),
  "webhooks/failure": () => import("@imgmigrator/functions/webhooks/failure"),
  "webhooks/qstash": () => import("@imgmigrator/functions/webhooks/qstash"),
  sweeper: () => import("@imgmigrator/functions/sweeper"),
  worker: () => import("@imgmigrator/functions/worker"),
}
