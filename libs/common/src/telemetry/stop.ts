import { Logger } from '@nestjs/common';

/** The supervisor kills what is still there after 8 s. */
const STOP_WITHIN_MS = 7_500;

/**
 * Ends the process in good order on SIGTERM, on SIGINT, and when the launcher goes away: work under way is finished, no
 * new work is taken, and the exit code is 0. One that cannot finish in time says so and ends with 1.
 */
export function stopWhenAsked(app: { close(): Promise<void> }): void {
  const log = new Logger('process');
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      log.error(`did not come to an end within ${STOP_WITHIN_MS} ms`);
      process.exit(1);
    }, STOP_WITHIN_MS);
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error(error);
        process.exit(1);
      },
    );
  };
  for (const reason of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(reason, stop);
}

/** What nobody caught leaves the process in a state that nobody knows: it is told, and the supervisor starts a new one. */
export function dieOfSurprises(): void {
  const log = new Logger('process');
  const die = (error: unknown): void => {
    log.fatal(error);
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
