import type { Destination } from "../http/destination.ts"
import type { Fields } from "../http/headers.ts"
import { notFound } from "../http/problem.ts"
import type { State } from "../state/state.ts"
import type { Message } from "./message.ts"

export type Endpoint = { readonly name?: string; readonly url: string }

/** A URL group: one message for it becomes one for each of its endpoints. */
export type Group = {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  /** Headers that each publish to the group gets unless it has its own. */
  readonly headers: Fields
  readonly createdAt: number
  readonly updatedAt: number
}

/** Where a message of an order goes, and on whose behalf. */
export type Route = Pick<Message, "url" | "queueName" | "topicName" | "endpointName" | "scheduleId">

/** What is behind a destination; refuses when there is no such group. */
export function routesTo({ groups }: Pick<State, "groups">, destination: Destination): Route[] {
  if ("url" in destination) return [{ url: destination.url }]
  const group = groups.get(destination.group)
  if (!group) throw notFound(`topic ${destination.group}`)
  return group.endpoints.map(({ name, url }) => ({
    url,
    topicName: group.name,
    ...(name !== undefined && { endpointName: name }),
  }))
}
