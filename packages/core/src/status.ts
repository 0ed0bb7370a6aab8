import * as z from "zod"
import { Fault } from "./fault.ts"

export const Status = z.enum([
  "pending",
  "running",
  "paused",
  "failed",
  "completed",
  "completed_with_failures",
  "cancelled",
])
export type Status = z.infer<typeof Status>

/** What a user asks for. */
export type Command = "pause" | "resume" | "cancel" | "retry"

type Answer = { readonly to: Status } | { readonly same: true } | { readonly hint: string }
const to = (status: Status): Answer => ({ to: status })
const same: Answer = { same: true }
const no = (hint: string): Answer => ({ hint })
const over = no("It has ended.")

/** The whole table of commands and statuses. A command that already holds is `same`: whoever lost the answer may repeat. */
const answers: Record<Command, Record<Status, Answer>> = {
  pause: {
    pending: to("paused"),
    running: to("paused"),
    paused: same,
    failed: no("It has stopped with a reason; repair that, then resume."),
    completed: over,
    completed_with_failures: over,
    cancelled: over,
  },
  resume: {
    pending: same,
    running: same,
    paused: to("running"),
    failed: to("running"),
    completed: over,
    completed_with_failures: no("Use retry to move its failed items again."),
    cancelled: over,
  },
  cancel: {
    pending: to("cancelled"),
    running: to("cancelled"),
    paused: to("cancelled"),
    failed: to("cancelled"),
    completed: over,
    completed_with_failures: over,
    cancelled: same,
  },
  retry: {
    pending: no("It has not ended yet."),
    running: no("It has not ended yet."),
    paused: no("Resume it first."),
    failed: no("Resume it first."),
    completed: no("Nothing failed."),
    completed_with_failures: to("running"),
    cancelled: over,
  },
}

/** Statuses from which the command changes something. */
export const allowedFrom = (command: Command): readonly Status[] =>
  Status.options.filter((status) => "to" in answers[command][status])

/**
 * What becomes of a migration in `status` when `command` arrives: the new status, or `undefined` where it already is
 * so. Fault `conflict migration.status` where the table forbids it.
 */
export function decide(command: Command, status: Status): Status | undefined {
  const answer = answers[command][status]
  if ("to" in answer) return answer.to
  if ("same" in answer) return undefined
  throw new Fault(
    "conflict",
    "migration.status",
    `A migration that is ${status} cannot ${command}. ${answer.hint}`,
  )
}

/** Deliveries and sweeps do work only for these. */
export const isActive = (status: Status): boolean => status === "pending" || status === "running"

export const hasEnded = (status: Status): boolean =>
  status === "completed" || status === "completed_with_failures" || status === "cancelled"
