export const root: string
export const recordFile: string
export function isBuilt(): boolean
