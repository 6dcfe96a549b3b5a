import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Diary, type DiaryLine } from './diary.js';

describe('the diary of agents that die', () => {
  it('holds every whole line, and neither a torn one nor one that is being written', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'houston-diary-'));
    const diary = new Diary(path.join(folder, 'diary'));
    const line = (fence: number): DiaryLine => ({
      ...{ what: 'taken', taskId: 'a', agent: 'b', pid: 1, mischief: 'none', fence },
    });
    expect(diary.read()).toEqual([]);
    diary.write(line(1));
    appendFileSync(path.join(folder, 'diary'), '\n{"what":"eff');
    diary.write(line(2));
    appendFileSync(path.join(folder, 'diary'), '\n{"what":"tak');
    expect(diary.read()).toEqual([line(1), line(2)]);
    rmSync(folder, { recursive: true });
  });
});
