/** A reason to stop, in one sentence. Exit code 2: the command or the file is wrong; 1: Houston did not do its part. */
export class ReplayFault extends Error {
  constructor(
    message: string,
    readonly exitCode: 1 | 2,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'ReplayFault';
  }
}

/** The code of a system error such as ECONNREFUSED, else its text. */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}
