/**
 * Aborted when this process is asked to end: deliveries book what they have and put their lanes back, so that the next
 * process goes on without waiting for a lease.
 */
export const shutdown = new AbortController()
