import { type Line, type Point, pointName } from "./control.ts"

/**
 * Points with nothing between them that changes the world: after the call that changed it last, before and after each look,
 * before the next change. Nobody outside can tell them apart, so whoever dies at one of them has died at all.
 */
export type Moment = readonly Point[]

/** Calls that leave everything as it is; whatever is not named here counts as a change. */
const looks = /^(?:[a-z]+(?: \d+)?: )?(?:Get|BatchGet|Query|Scan|GET|HEAD|open r|fsync) /

/** Every moment of a run at which somebody can die, in order, of those points whose names are `wanted`. */
export function momentsOf(lines: readonly Line[], wanted: RegExp): readonly Moment[] {
  const moments: Point[][] = [[]]
  for (const { at, call, nth } of lines) {
    if (at !== "before" && at !== "after") continue
    if (at === "after" && !looks.test(call)) moments.push([])
    const point = { call, nth, when: at }
    if (wanted.test(pointName(point))) moments.at(-1)?.push(point)
  }
  return moments.filter((moment) => moment.length > 0)
}

const kindOf = ({ call, when }: Point): string => `${when} ${call}`

/** Few moments that have every kind of point that is not covered yet; it is then. */
export function oneOfEachKind(moments: readonly Moment[], covered: Set<string>): readonly Moment[] {
  const chosen = new Set<Moment>()
  const fresh = (moment: Moment) => new Set(moment.map(kindOf).filter((kind) => !covered.has(kind)))
  for (;;) {
    const [best] = moments.toSorted((a, b) => fresh(b).size - fresh(a).size)
    if (!best || fresh(best).size === 0) return moments.filter((moment) => chosen.has(moment))
    chosen.add(best)
    for (const kind of fresh(best)) covered.add(kind)
  }
}

/** Each by itself. */
export const allPoints = (moments: readonly Moment[]): readonly Moment[] =>
  moments.flatMap((moment) => moment.map((point) => [point]))
