import { appendFileSync, readFileSync } from 'node:fs';

/** What agents write down of their own doing, whatever Houston believes. */
export interface DiaryLine {
  /**
   * taken: it has the lease. effect: it did to the world what the task asks for. accepted, refused: what Houston said to
   * its report. lost: it was told to let go.
   */
  what: 'taken' | 'effect' | 'accepted' | 'refused' | 'lost';
  taskId: string;
  fence: number;
  agent: string;
  pid: number;
  /** What it was up to. */
  mischief: string;
}

/** One file for all agents: a line is written at once, so that what a killed process had done is known. */
export class Diary {
  constructor(private readonly file: string) {}

  /** The end of line goes first: whoever dies in the middle of a line does not spoil the next one's. */
  write(line: DiaryLine): void {
    appendFileSync(this.file, `\n${JSON.stringify(line)}`);
  }

  /** Without lines of which only a part is there, because they are being written, or their writer died. */
  read(): DiaryLine[] {
    const text = readFileSync(this.file, { encoding: 'utf8', flag: 'a+' });
    return text
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as DiaryLine);
  }
}
