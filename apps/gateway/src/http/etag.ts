import { Problem } from './problem.js';

/** The entity tag of a row that two people can edit. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/** Refuses a change that was made against an older version. Without `If-Match` the last writer wins. */
export function requireMatch(ifMatch: string | undefined, version: number): void {
  if (ifMatch === undefined || ifMatch === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (tags.includes(etagOf(version))) return;
  throw new Problem('precondition_failed', {
    detail: `It is at version ${etagOf(version)} now. Read it again, then repeat your change.`,
  });
}
