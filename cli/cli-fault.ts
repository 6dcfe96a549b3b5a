/** What ends a command with a sentence instead of a stack: 1 Houston refused or is away, 2 the command line is wrong. */
export class CliFault extends Error {
  constructor(
    message: string,
    readonly exitCode: 1 | 2,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
