/** Something is wrong with a trace file. The message names the line and, where there is one, the column. */
export class TraceFault extends Error {
  constructor(problem: string, line?: number, column?: string, cause?: unknown) {
    super(`${place(line, column)}${problem}`, { cause });
    this.name = 'TraceFault';
  }
}

function place(line: number | undefined, column: string | undefined): string {
  if (line === undefined) return '';
  return column === undefined ? `Line ${line}: ` : `Line ${line}, column "${column}": `;
}
