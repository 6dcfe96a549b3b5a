/** Why an answer is empty. */
export const REASON_HEADER = 'houston-reason';

/** An answer that was given before, thrown on the way in so that nothing is done again. */
export class ReplayedAnswer extends Error {
  constructor(
    readonly status: number,
    readonly body: string,
  ) {
    super('This was answered before');
  }
}
