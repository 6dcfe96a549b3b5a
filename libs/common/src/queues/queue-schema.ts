/** Where the Postgres backend of the queues keeps its tables; the library's own name for it. */
export const QUEUE_SCHEMA = 'bullmq';
