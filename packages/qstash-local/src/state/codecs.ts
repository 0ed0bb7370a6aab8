import type { Answer, DeadLetter, Message, Order } from "../engine/message.ts"
import type { Schedule } from "../engine/schedules.ts"
import type { Codec } from "./table.ts"

// What the journal holds was written by these functions, so reading it back needs no checks: hence `as` below.

/** For values that are JSON as they stand. */
export const plain = <V>(): Codec<V> => ({ encode: (value) => value, decode: (stored) => stored as V })

type Stored<V> = Omit<V, "body"> & { readonly body: string }

/** Bodies are bytes; JSON holds them as Base64. */
const encodeBody = <V extends { readonly body: Buffer }>(value: V): Stored<V> => ({
  ...value,
  body: value.body.toString("base64"),
})

const bytes = (stored: { readonly body: string }) => Buffer.from(stored.body, "base64")

const decodeMessage = (stored: Stored<Message>): Message => ({ ...stored, body: bytes(stored) })

export const messageCodec: Codec<Message> = {
  encode: encodeBody,
  decode: (stored) => decodeMessage(stored as Stored<Message>),
}

export const letterCodec: Codec<DeadLetter> = {
  encode: (letter) => ({ ...letter, message: encodeBody(letter.message), answer: encodeBody(letter.answer) }),
  decode(stored) {
    const letter = stored as DeadLetter & { message: Stored<Message>; answer: Stored<Answer> }
    return {
      ...letter,
      message: decodeMessage(letter.message),
      answer: { ...letter.answer, body: bytes(letter.answer) },
    }
  },
}

export const scheduleCodec: Codec<Schedule> = {
  encode: (schedule) => ({ ...schedule, order: encodeBody(schedule.order) }),
  decode(stored) {
    const schedule = stored as Schedule & { order: Stored<Order> }
    return { ...schedule, order: { ...schedule.order, body: bytes(schedule.order) } }
  },
}
